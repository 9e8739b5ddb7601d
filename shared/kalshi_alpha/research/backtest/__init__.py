"""The strategy over recorded days: would it have filled, and what was that worth."""
