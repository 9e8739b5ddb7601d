"""Maker-only quoting of Kalshi index ladders: price, quote, out by T-2 s, reconcile, score."""

__version__ = "0.1.0"
