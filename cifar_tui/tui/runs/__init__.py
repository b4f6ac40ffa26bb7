"""The list of runs: its entries, its table, and the runs that other processes train."""
