"""What goes wrong in a training, found in its events while it runs: a pure fold, in bounded memory."""
