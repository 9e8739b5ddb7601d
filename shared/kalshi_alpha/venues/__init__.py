"""The outside: the exchange, the index vendor, secrets. The only rooms with sockets and HTTP."""
