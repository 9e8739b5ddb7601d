"""How likely a resting quote is to fill, and what the fill is worth afterwards, from recordings."""
