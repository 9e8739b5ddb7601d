"""What runs by itself between windows: steps, research and reports put together."""
