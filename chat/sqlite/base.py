"""SQLite that waits for another's lock here, and not within SQLite, which waits with the connection's mutex held.

Whoever frees a cursor of that connection waits for the mutex, and that is any thread in which the garbage collector
finds one: reads were seen to stand still as long as a writer waited, and the event loop's own thread could be the next.
"""

import functools
import sqlite3
import time
from collections.abc import Sequence
from typing import Any

from django.db.backends.sqlite3 import base, operations

WITHIN_MS = 20  # that SQLite itself waits at a time
PAUSE_S = 0.005  # between two such times, for whoever wants the mutex


@functools.lru_cache(maxsize=256)  # Django writes a statement anew each time that it is run
def _converted(query: str) -> str:
    """Return a statement with its parameters as SQLite writes them."""
    return base.FORMAT_QMARK_REGEX.sub("?", query).replace("%%", "%")


class Cursor(base.SQLiteCursorWrapper):
    """Tries a statement again while another holds the lock: one that found it held has done nothing."""

    wait_s = 0.0

    def convert_query(self, query: str, *, param_names: Sequence[str] | None = None) -> str:
        """Return a statement as SQLite reads it; `param_names` where its parameters have names."""
        return _converted(query) if param_names is None else super().convert_query(query, param_names=param_names)

    def execute(self, query: str, params: Any = None) -> Any:
        """Run a statement. Raises sqlite3.OperationalError if the lock is held for longer than `wait_s`."""
        end = time.monotonic() + self.wait_s
        while True:
            try:
                return super().execute(query, params)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                    raise
            time.sleep(PAUSE_S)


class Operations(operations.DatabaseOperations):
    """Names a savepoint by its depth: a statement that comes again is compiled already."""

    def savepoint_create_sql(self, sid: str) -> str:
        """Return the SQL that begins one."""
        return super().savepoint_create_sql(self._depth)

    def savepoint_commit_sql(self, sid: str) -> str:
        """Return the SQL that ends the innermost."""
        return super().savepoint_commit_sql(self._depth)

    def savepoint_rollback_sql(self, sid: str) -> str:
        """Return the SQL that undoes the innermost."""
        return super().savepoint_rollback_sql(self._depth)

    @property
    def _depth(self) -> str:
        return f"depth_{len(self.connection.savepoint_ids)}"


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's own but for its cursors and savepoints. The option `timeout`, in s, is how long cursors wait."""

    ops_class = Operations
    wait_s = 0.0

    def get_new_connection(self, conn_params: Any) -> Any:
        """Connect; from then on SQLite itself waits for a moment only."""
        connection = super().get_new_connection(conn_params)
        self.wait_s = self.settings_dict["OPTIONS"].get("timeout", 5.0)
        connection.execute(f"PRAGMA busy_timeout = {WITHIN_MS}")
        return connection

    def create_cursor(self, name: str | None = None) -> Any:
        """Return a cursor that is patient."""
        cursor = self.connection.cursor(factory=Cursor)
        cursor.wait_s = self.wait_s
        return cursor
