"""The view of one run's details: its options, data, versions and folder."""
