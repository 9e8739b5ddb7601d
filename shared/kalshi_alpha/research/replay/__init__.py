"""Recorded markets, kept in one columnar form and played again with orders of our own in them."""
