"""Migrations at start: however many processes start at once, one migrates and the others wait."""

import fcntl
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from chat.management.commands.migrate_locked import LOCK
from chat.tests.servers import free_port, postgresql

ROOT = Path(__file__).parent.parent
END_S = 60  # for all of them to be done
HOLD_S = 1.5  # while another has the lock


def start(database: str, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "manage.py", "migrate_locked", "--skip-checks", *arguments],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database, "SECRET_KEY": "for this test only"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def applied(process: "subprocess.Popen[str]") -> int:
    """Wait for its end; return how many migrations it says it applied."""
    said, wrong = process.communicate(timeout=END_S)
    assert process.returncode == 0, wrong
    return int(said.split(";")[1].split()[0])


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with postgresql(tmp_path_factory.mktemp("postgresql")) as url:
        yield url


def test_of_three_that_start_at_once_on_sqlite_one_migrates(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'chat.sqlite3'}"
    counts = sorted(applied(process) for process in [start(database) for _ in range(3)])
    assert counts[:2] == [0, 0]
    assert counts[2] > 0
    with sqlite3.connect(tmp_path / "chat.sqlite3") as kept:
        assert kept.execute("SELECT count(*) FROM django_migrations").fetchone() == (counts[2],)
    kept.close()


def test_of_three_that_start_at_once_on_postgresql_one_migrates(postgres: str) -> None:
    counts = sorted(applied(process) for process in [start(postgres) for _ in range(3)])
    assert counts[:2] == [0, 0]
    assert counts[2] > 0


def test_it_waits_on_sqlite_for_who_has_the_lock(tmp_path: Path) -> None:
    with (tmp_path / "chat.sqlite3.migrate-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = start(f"sqlite:///{tmp_path / 'chat.sqlite3'}")
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(HOLD_S)
    assert applied(process) > 0


def test_it_waits_on_postgresql_for_who_has_the_lock(postgres: str) -> None:
    with psycopg.connect(postgres, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        process = start(postgres)
        until = time.monotonic() + END_S
        while not other.execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").fetchone():
            assert time.monotonic() < until, "It does not ask for the lock"
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        other.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
        applied(process)


def test_a_database_that_does_not_answer_is_an_error_in_time() -> None:
    process = start(f"postgres://chatbot:secret@127.0.0.1:{free_port()}/chatbot", "--wait", "0.1")
    _, wrong = process.communicate(timeout=END_S)
    assert process.returncode == 1
    assert "The database does not answer" in wrong
    assert "secret" not in wrong
