"""Screens that apps of the same process draw on."""
