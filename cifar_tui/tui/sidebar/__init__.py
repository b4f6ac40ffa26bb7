"""The panels beside the view: progress, learning rate, device."""
