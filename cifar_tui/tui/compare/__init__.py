"""Marked runs side by side."""
