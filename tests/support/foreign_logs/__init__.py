"""What tests of logs of other tools share."""
