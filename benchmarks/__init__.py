"""Measurements, each a script that prints a table of ratios with both sides measured in one run."""
