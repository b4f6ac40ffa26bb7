"""Benchmarks: each is a script that measures both sides of a comparison in one run and prints their ratios."""
