"""What it is worth: variance clock, terminal law, ladder probabilities, fees. Pure."""
