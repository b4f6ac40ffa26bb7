"""The confusion matrices of the selected run."""
