"""From a run's options to what its loop needs."""
