"""The state of a run, folded from its events: the same for live, attached and finished runs."""
