"""Runs without a screen of their own: one after the other, told as progress bars, as plain lines or as JSON."""
