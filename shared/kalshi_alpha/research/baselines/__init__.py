"""Plain models every law must beat: walk-forward, from arrays of sessions (docs/math/scores.md)."""
