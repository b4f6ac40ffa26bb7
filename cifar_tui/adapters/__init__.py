"""Recorders for the training loops of other libraries, each of which is imported with its adapter alone."""
