"""Training states on the disk."""
