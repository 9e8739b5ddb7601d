"""One file a family: a reading becomes the terminal law of a fixing. Pure."""
