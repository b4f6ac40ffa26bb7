"""Screens that apps of the same process draw on, and the mouse of a terminal."""
