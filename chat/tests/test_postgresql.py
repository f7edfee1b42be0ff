"""The same on PostgreSQL: what is stored, the wire and the API, and what only a database with many writers can do."""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import requests
from django.conf import settings

from chat.tests.servers import Served, postgresql
from chat.threads import READERS, WRITERS

TESTS = Path(__file__).parent
ESSENTIALS = ["test_history.py", "test_consumers.py", "test_concurrency.py"]
OF_THE_API = "pages or takes_any or export_holds or upwards"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL."""
    with postgresql(tmp_path_factory.mktemp("postgresql") / "data") as url:
        yield url


def passes(url: str, *arguments: str) -> str:
    """Run tests of this folder on another database; return what pytest says."""
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--reuse-db", *arguments],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.mark.skipif("DATABASE_URL" in os.environ, reason="runs on another database already")
def test_the_essentials_pass_on_postgresql(server: str) -> None:
    said = passes(server, *[str(TESTS / name) for name in ESSENTIALS])
    assert "skipped" not in said


@pytest.mark.skipif("DATABASE_URL" in os.environ, reason="runs on another database already")
def test_the_api_passes_on_postgresql(server: str) -> None:
    passes(server, str(TESTS / "test_api.py"), "-k", OF_THE_API)


@pytest.mark.skipif("DATABASE_URL" in os.environ, reason="runs on another database already")
def test_writes_share_transactions_on_postgresql_and_wait_for_no_others_lock(server: str) -> None:
    passes(server, str(TESTS / "test_threads.py"), str(TESTS / "test_writers.py"))


HOLDS_A_LOCK = """
from django.db import connection, transaction
with transaction.atomic(), connection.cursor() as cursor:
    cursor.execute("LOCK TABLE wanted")
    print("held", flush=True)
    input()
"""


HOLDS_ONE_BETWEEN_TWO_STEPS = """
from chat import steps
def hold():
    yield steps.Ask([("LOCK TABLE wanted", [])])
    print("held", flush=True)
    input()
    yield steps.Ask([], last=True)
steps.run([hold()])
"""


@pytest.mark.parametrize("holds", [HOLDS_A_LOCK, HOLDS_ONE_BETWEEN_TWO_STEPS])
@pytest.mark.skipif("DATABASE_URL" in os.environ, reason="runs on another database already")
def test_a_process_that_is_frozen_in_a_transaction_loses_its_locks(server: str, holds: str) -> None:
    environment = {**os.environ, "DATABASE_URL": server, "SECRET_KEY": secrets.token_urlsafe(50)}
    with psycopg.connect(server, autocommit=True, options="-c lock_timeout=20s") as other:
        other.execute("CREATE TABLE IF NOT EXISTS wanted ()")
        command = [sys.executable, "manage.py", "shell", "-c", holds]
        with subprocess.Popen(
            command, cwd=settings.BASE_DIR, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as frozen:
            try:
                assert frozen.stdout is not None
                while "held" not in frozen.stdout.readline():
                    assert frozen.poll() is None
                frozen.send_signal(signal.SIGSTOP)
                with other.transaction():
                    other.execute("LOCK TABLE wanted")
            finally:
                frozen.kill()


@pytest.mark.skipif("DATABASE_URL" in os.environ, reason="runs on another database already")
def test_people_who_come_and_pages_of_the_admin_leave_no_connection_behind(server: str, tmp_path: Path) -> None:
    served = Served(tmp_path, DATABASE_URL=server, LIMIT_SESSIONS_PER_HOUR="1000")
    served.manage("migrate")
    served.start()
    try:
        for _ in range(30):
            with requests.Session() as http:
                http.get(f"{served.url}/api/me", timeout=20).raise_for_status()
                headers = {"X-CSRFToken": http.cookies["csrftoken"]}
                begun = http.post(f"{served.url}/api/sessions", json={"name": "Ada"}, headers=headers, timeout=20)
                begun.raise_for_status()
                http.get(f"{served.url}/api/me", timeout=20).raise_for_status()
                wrong = {"username": "a", "password": "b", "csrfmiddlewaretoken": headers["X-CSRFToken"]}
                http.post(f"{served.url}/admin/login/", data=wrong, headers=headers, timeout=20)
        with psycopg.connect(server) as other:
            found = other.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            ).fetchone()
        assert found is not None
        assert found[0] <= READERS + WRITERS["postgresql"]
    finally:
        assert served.end() == 0
