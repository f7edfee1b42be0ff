"""The server as `make run` starts it: a process of its own, on a free port of this machine, with data of its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

ROOT = Path(__file__).parent.parent
READY_S = 60  # at most, until the model is loaded too
END_S = 15  # at most, from SIGTERM


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A running server: where it is, and what it writes."""

    url: str
    environment: dict[str, str]
    data_dir: Path
    log: Path
    process: "subprocess.Popen[bytes]"

    def manage(self, *arguments: str, **environment: str) -> None:
        """Run a command of manage.py on this server's data."""
        _manage(*arguments, environment={**self.environment, **environment})

    def children(self) -> dict[int, str]:
        """Return the command line of each child process by its pid."""
        found = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(path.read_text().rpartition(")")[2].split()[1])
                if parent == self.process.pid:
                    found[int(path.parent.name)] = (path.parent / "cmdline").read_text().replace("\0", " ")
            except OSError:  # it ended meanwhile
                continue
        return found


@contextmanager
def serve(folder: Path, **settings: str) -> Iterator[Served]:
    """Start a server with its data and its log in `folder`, wait until all of it is well, and end it.

    `settings` are named as in the environment. Fails if the log holds a traceback or the server does not end by itself.
    """
    data_dir, log, port = folder / "data", folder / "server.log", _free_port()
    environment = {**os.environ, "DATA_DIR": str(data_dir), "HOST": "127.0.0.1", "PORT": str(port), **settings}
    _run("-m", "chatbot_project.keys", environment=environment)
    _manage("migrate", "--verbosity", "0", environment=environment)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve"], cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    server = Served(
        url=f"http://127.0.0.1:{port}", environment=environment, data_dir=data_dir, log=log, process=process
    )
    try:
        _wait_until_well(server)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    said = log.read_text()
    assert "Traceback" not in said, said


def _wait_until_well(server: Served) -> None:
    """Wait until /readyz says "ok" to everything."""
    until, seen = time.monotonic() + READY_S, "nothing"
    while time.monotonic() < until:
        assert server.process.poll() is None, server.log.read_text()
        try:
            answer = requests.get(f"{server.url}/readyz", timeout=5)
            seen = answer.text
            if set(answer.json().values()) == {"ok"}:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"Not well within {READY_S} s: {seen}\n{server.log.read_text()}")


def _manage(*arguments: str, environment: dict[str, str]) -> None:
    _run("manage.py", *arguments, environment=environment)


def _run(*arguments: str, environment: dict[str, str]) -> None:
    subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, check=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
