"""A database that another connection holds locked for a while."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DEFAULT_DB_ALIAS, connection, connections

from chat import threads


@contextmanager
def locked() -> Iterator[None]:
    """Hold SQLite's write lock, as a backup or another process does."""
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.rollback()
        other.close()


async def impatient() -> None:
    """Let the writing thread give up a lock after a tenth of a second instead of five."""

    def hurry() -> None:
        connection.ensure_connection()
        vars(connections[DEFAULT_DB_ALIAS])["wait_s"] = 0.1

    await threads.write(hurry)
