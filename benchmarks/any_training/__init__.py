"""What watching any training costs."""
