"""Screens that apps of the same process draw on, the mouse of a terminal, and charts as text."""
