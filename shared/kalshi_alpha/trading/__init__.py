"""What to do about it: edge, sizing, gates, quote plan, target against live. Pure."""
