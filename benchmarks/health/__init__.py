"""What the health check says of recorded runs."""
