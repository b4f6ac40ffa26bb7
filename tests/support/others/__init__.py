"""Trainings that are not this program's own."""
