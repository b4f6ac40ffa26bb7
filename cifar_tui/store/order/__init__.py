"""Keeping a folder of runs in order: labels, names, the trash, and what may be removed."""
