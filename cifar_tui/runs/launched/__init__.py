"""Runs in processes that a launcher starts, and starts again where one is lost."""
