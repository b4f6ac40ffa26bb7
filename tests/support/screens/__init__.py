"""Screens that apps of the same process draw on, and charts as text."""
