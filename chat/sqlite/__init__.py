"""Django's backend for SQLite, with its own way to wait for another's lock: see `base`."""
