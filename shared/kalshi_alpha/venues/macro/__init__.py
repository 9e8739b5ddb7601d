"""Where macro figures are read: statistics offices, the Treasury, AAA and a nowcast."""
