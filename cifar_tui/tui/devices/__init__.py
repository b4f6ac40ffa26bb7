"""What the devices of a run did, over time."""
