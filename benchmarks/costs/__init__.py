"""What it costs a training to be watched."""
