"""Trainings that are not this program's own, recorded by their scripts: `from cifar_tui import record`."""
