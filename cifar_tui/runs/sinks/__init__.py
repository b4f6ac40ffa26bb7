"""What receives the events of a run: its folder, its listener, TensorBoard."""
