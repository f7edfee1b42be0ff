"""`manage.py migrate_locked`: wait for the database, then migrate, one process at a time of all that start."""

import fcntl
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

LOCK = 0x63_68_61_74  # "chat" in ASCII: the key of the advisory lock in PostgreSQL
WAIT_S = 60.0  # for a database that starts at the same time
AGAIN_S = 0.5  # between two tries to connect


class Command(BaseCommand):
    """Migrate under a lock: an advisory one in PostgreSQL, a file beside the database for SQLite."""

    help = "Wait for the database and migrate it, one process at a time."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take how long to wait for the database, in seconds."""
        parser.add_argument("--wait", type=float, default=WAIT_S, metavar="SECONDS")

    def handle(self, *args: Any, wait: float, **options: Any) -> None:
        """Migrate what is not yet. Raises CommandError if the database does not answer in time."""
        _reach(wait)
        with self._alone():
            executor = MigrationExecutor(connection)
            plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
            if plan:
                call_command("migrate", interactive=False, verbosity=0)
        self.stdout.write(f"The database is up to date; {len(plan)} migrations were applied.")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock. It goes with the process, however that ends."""
        if connection.vendor == "postgresql":
            with _advisory_lock():
                yield
        elif connection.vendor == "sqlite":
            with _file_lock(str(connection.settings_dict["NAME"])):
                yield
        else:
            raise CommandError(f"No lock is known for {connection.vendor}: run `manage.py migrate` by itself.")


def _reach(wait_s: float) -> None:
    """Connect to the database. Raises CommandError if it does not answer within `wait_s`."""
    until = time.monotonic() + wait_s
    while True:
        try:
            connection.ensure_connection()
        except OperationalError as error:
            if time.monotonic() >= until:
                raise CommandError(f"The database does not answer: {error}") from error
            time.sleep(AGAIN_S)
        else:
            return


@contextmanager
def _advisory_lock() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


@contextmanager
def _file_lock(database: str) -> Iterator[None]:
    if connection.is_in_memory_db():  # type: ignore[attr-defined]  # SQLite's wrapper alone has it
        yield
        return
    with Path(f"{database}.migrate-lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # closing the file lets go of it
        yield
