"""Recorded windows decided once more from their records alone, and compared."""
