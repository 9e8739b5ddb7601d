"""Studies of the temperature ladders: weather, filters, short horizons, signals."""
