"""Images with their predictions: test images of the selected run, and image files."""
