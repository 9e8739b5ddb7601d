"""``python -m kalshi_alpha`` is the command ``kalshi-alpha``."""

from kalshi_alpha.cli import main

if __name__ == "__main__":
    main()
