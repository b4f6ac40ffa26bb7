"""Train image classifiers and watch them learn, in a terminal."""

__version__ = "0.1.0"
