"""Runs without a screen of their own: one after the other, shown as progress bars, as plain lines or as JSON."""
