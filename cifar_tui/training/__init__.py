"""Training: the loop and what it stands on. It knows events and files, no screen."""
