"""Calibration and scores: numpy, scipy and pyarrow live here."""
