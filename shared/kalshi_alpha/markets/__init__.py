"""What trades and when: series, tickers, strikes, sessions, windows, orders. Pure."""
