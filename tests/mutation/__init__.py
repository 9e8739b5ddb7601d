"""Break the code on purpose, one place at a time, and see whether a test minds."""
