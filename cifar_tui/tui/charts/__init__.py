"""Charts: curves of the selected run, and its confidence and calibration."""
