"""Logs that other tools write of a training, as events: found under a path, read, followed, never written to."""
