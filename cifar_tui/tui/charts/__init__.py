"""Curves of the selected run, and its confidence and calibration."""
