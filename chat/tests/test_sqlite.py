"""Waiting for another's lock on a database's file."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from queue import SimpleQueue

import pytest
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler

WAIT_S = 1.0

pytestmark = pytest.mark.django_db(transaction=True)  # or none may be reached
OPTIONS = {"timeout": WAIT_S, "transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL"}


@pytest.fixture
def databases(tmp_path: Path) -> Iterator[ConnectionHandler]:
    """A connection for each thread, to a file with one table."""
    made = ConnectionHandler({"default": {"ENGINE": "chat.sqlite", "NAME": str(tmp_path / "db"), "OPTIONS": OPTIONS}})
    with made["default"].cursor() as cursor:
        cursor.execute("CREATE TABLE said (text)")
    yield made
    made.close_all()


@pytest.fixture
def lock(databases: ConnectionHandler) -> Iterator[sqlite3.Connection]:
    """Hold the lock, as another process would."""
    name = databases["default"].settings_dict["NAME"]
    with closing(sqlite3.connect(name, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


def say(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO said VALUES ('Hello')")


def test_who_waits_goes_on_when_the_lock_goes(databases: ConnectionHandler, lock: sqlite3.Connection) -> None:
    threading.Timer(WAIT_S / 3, lock.execute, ["ROLLBACK"]).start()
    began = time.monotonic()
    say(databases["default"])
    assert time.monotonic() - began > WAIT_S / 4


@pytest.mark.usefixtures("lock")
def test_who_has_waited_long_enough_is_told(databases: ConnectionHandler) -> None:
    began = time.monotonic()
    with pytest.raises(OperationalError, match="locked"):
        say(databases["default"])
    assert time.monotonic() - began >= WAIT_S


@pytest.mark.usefixtures("lock")
def test_to_free_a_cursor_of_one_who_waits_takes_no_time(databases: ConnectionHandler) -> None:
    """As the garbage collector does, in whichever thread it runs."""
    cursors: SimpleQueue[sqlite3.Cursor] = SimpleQueue()

    def wait() -> None:
        connection = databases["default"]
        connection.ensure_connection()
        cursors.put(connection.create_cursor().execute("SELECT 1 UNION SELECT 2"))
        with pytest.raises(OperationalError):
            say(connection)
        connection.close()

    waiting = threading.Thread(target=wait)
    waiting.start()
    cursor = cursors.get()
    time.sleep(WAIT_S / 3)  # it waits by then
    began = time.monotonic()
    del cursor
    assert time.monotonic() - began < WAIT_S / 5
    assert waiting.is_alive()
    waiting.join()
