"""Trainings that this process does not run, watched without a dashboard."""
