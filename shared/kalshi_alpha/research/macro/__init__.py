"""Walk-forward scores of the macro families against plain baselines."""
