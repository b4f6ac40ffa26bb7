"""The best weights of a run evaluated on its test images, in this process or in one of its own."""
