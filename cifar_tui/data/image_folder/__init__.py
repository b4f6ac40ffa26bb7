"""A folder of images by class as a dataset."""
