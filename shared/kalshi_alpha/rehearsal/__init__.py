"""The twin: an exchange, a feed, and the real state machine on a laptop."""
