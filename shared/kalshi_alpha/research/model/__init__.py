"""The index law as research sees it: many sessions at once, and fitted."""
