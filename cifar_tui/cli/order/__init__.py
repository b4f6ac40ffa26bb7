"""The commands that keep a folder of runs in order."""
