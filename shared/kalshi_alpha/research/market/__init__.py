"""Our probabilities against the prices at which the market traded."""
