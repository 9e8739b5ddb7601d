"""The exchange half of the twin: the venue's current protocol on loopback, with real rules."""
