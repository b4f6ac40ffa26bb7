"""Pure arithmetic on predictions: scores by class, calibration, paired comparison, and the reference study."""
