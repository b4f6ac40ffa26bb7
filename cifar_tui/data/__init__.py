"""Images: where they come from, how they are augmented, in what order they are shown to a model."""
