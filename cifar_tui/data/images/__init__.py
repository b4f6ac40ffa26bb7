"""Image files: found, decoded and brought to the size that a model sees."""
