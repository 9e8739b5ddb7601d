"""What we depend on: pinned, hashed, licensed, and asked about where somebody answers."""
