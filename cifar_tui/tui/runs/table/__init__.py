"""The table of all runs: what its columns show, how it is filtered, sorted and grouped, and the widget itself."""
