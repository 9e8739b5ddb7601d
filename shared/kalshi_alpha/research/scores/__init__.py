"""How good forecasts are: proper scores, calibration and day-clustered intervals (docs/math/scores.md)."""
