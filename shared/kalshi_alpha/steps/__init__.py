"""The use cases: preflight, scan, quote, cancel, reconcile, watch."""
