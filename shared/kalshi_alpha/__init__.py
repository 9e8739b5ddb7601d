"""Maker-only quoting of Kalshi index ladders: price, quote, be out by T-2 s, reconcile, keep score."""

__version__ = "0.1.0"
