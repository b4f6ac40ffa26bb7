"""Processes that train together, and what they do in tests."""
