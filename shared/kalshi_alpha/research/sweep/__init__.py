"""Sweeps: a backtest over many settings and days, cut into units that are played anywhere once."""
