"""Pure arithmetic on what models predicted: per class, calibrated, compared, side by side with the study."""
