"""The formats of logs: each is read as rows, while it grows."""
