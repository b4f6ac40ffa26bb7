"""Base widgets that more than one part of the dashboard uses."""
