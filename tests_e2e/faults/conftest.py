"""Several processes of the server on one database and one Redis, with a model that writes a word every 20 ms."""

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from chat.tests.servers import Served, Valkey, postgresql

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "5"))  # `make faults` has 20
LEASE_S = 2
UNLIMITED = {
    f"LIMIT_{name}": "1000000"
    for name in ("SENDS_PER_MINUTE", "SENDS_PER_MINUTE_PER_ADDRESS", "FRAMES_PER_10S", "SESSIONS_PER_HOUR", "SOCKETS")
}


RESULTS = Path("test-results/faults.json")


@pytest.fixture(scope="session")
def tally() -> Iterator[dict[str, Counter[str]]]:
    """What happened, counted by test; written to test-results/ at the end, for docs/reliability.md."""
    counted: dict[str, Counter[str]] = {}
    yield counted
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(counted, indent=2) + "\n")


class Cluster:
    """Processes that share everything; each may be ended and started again."""

    def __init__(self, folder: Path, size: int, origins: Sequence[str], **environment: str) -> None:
        self.processes = [Served(folder, **environment) for _ in range(size)]
        for process in self.processes:
            process.set("ORIGINS", ",".join([*self.urls, *origins]))
        self.processes[0].manage("migrate", "--verbosity", "0")

    @property
    def urls(self) -> list[str]:
        """Where the processes listen."""
        return [process.url for process in self.processes]


@contextmanager
def cluster(folder: Path, size: int = 2, origins: Sequence[str] = (), **environment: str) -> Iterator[Cluster]:
    """Start that many processes; end them, and fail if one left a traceback."""
    made = Cluster(folder, size, origins, **{"LEASE_S": str(LEASE_S), **UNLIMITED, **environment})
    try:
        for process in made.processes:
            process.start()
        yield made
    finally:
        for process in made.processes:
            process.kill()
    for process in made.processes:
        said = process.log.read_text()
        assert "Traceback" not in said, said


@pytest.fixture
def shaky() -> Iterator[Valkey]:
    """A Redis of its own, to be ill-treated."""
    server = Valkey()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def pair(tmp_path: Path, shaky: Valkey) -> Iterator[Cluster]:
    """Two processes on it."""
    with cluster(tmp_path, REDIS_URL=shaky.url) as made:
        yield made


@pytest.fixture(scope="package")
def redis_server() -> Iterator[Valkey]:
    """A real server of Redis's protocol."""
    server = Valkey()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="package")
def postgresql_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL."""
    with postgresql(tmp_path_factory.mktemp("postgresql")) as url:
        yield url


@pytest.fixture(scope="package")
def on_each_database(
    tmp_path_factory: pytest.TempPathFactory, redis_server: Valkey, postgresql_url: str
) -> Iterator[dict[str, Cluster]]:
    """Two processes on SQLite, and two on PostgreSQL."""
    folder = tmp_path_factory.mktemp
    with (
        cluster(folder("sqlite"), REDIS_URL=redis_server.url) as sqlite,
        cluster(folder("postgresql"), REDIS_URL=redis_server.url, DATABASE_URL=postgresql_url) as postgresql,
    ):
        yield {"SQLite": sqlite, "PostgreSQL": postgresql}
