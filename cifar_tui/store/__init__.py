"""The run folder: everything about a run on the disk."""
