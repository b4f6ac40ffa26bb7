"""The training augmentation of the reference protocol, for whole batches."""
