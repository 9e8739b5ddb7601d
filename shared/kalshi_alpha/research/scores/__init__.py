"""How good forecasts are: proper scores, calibration, day-clustered intervals."""
