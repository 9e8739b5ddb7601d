"""What moves across the brackets of one ladder: state, excitement, one distribution, signals."""
