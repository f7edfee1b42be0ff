"""Every server in turn under the same load, on one core each; medians of several rounds, and ratios to the floor.

Run as: python -m bench.run [--people 50 200 500] [--rounds 3] [--json FILE]
"""

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.load import everybody, to_chat, to_floor, visits
from bench.measure import Cost, cost, cpu_s, medians, memory_mb
from bench.stores import postgresql, redis

ROOT = Path(__file__).resolve().parent.parent
SERVER_CORE, OTHER_CORE = 0, 1
TOKENS, DELAY_MS = 64, 20
LISTENING_S = 180.0  # Open WebUI takes 10 s of processor time to start, and has one core
LOG_END = 2000  # characters
UNLIMITED = {
    f"LIMIT_{name}": "1000000000"
    for name in ("SENDS_PER_MINUTE", "FRAMES_PER_10S", "SESSIONS_PER_HOUR", "SOCKETS", "SOCKETS_PER_ADDRESS")
}


@contextmanager
def running(core: int, port: int, *command: str, **environment: str) -> Iterator[int]:
    """Run a server on one core until it is no longer needed; the value is its process id. Its log goes to a file.

    Raises RuntimeError, with the end of the log, if it does not come to listen.
    """
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            ["taskset", "-c", str(core), *command], cwd=ROOT, env={**os.environ, **environment}, stdout=log, stderr=log
        )
        try:
            if not _listens(port, process):
                log.seek(0)
                raise RuntimeError(f"Nothing listens at port {port}: {command!r}\n{log.read().decode()[-LOG_END:]}")
            yield process.pid
        finally:
            process.terminate()
            process.wait()


def _listens(port: int, process: "subprocess.Popen[bytes]") -> bool:
    end = time.monotonic() + LISTENING_S
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.05)
    return False


def free_port() -> int:
    """Return a port of the loopback address that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def floor(model: str) -> Iterator[tuple[str, int]]:
    """Run the floor."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "bench.floor:application", "--port", str(port), "--log-level", "error"]
    # On the event loop that the chat runs on, whatever else is installed here.
    with running(SERVER_CORE, port, *command, "--loop", "asyncio", MODEL_URL=model) as pid:
        yield f"http://127.0.0.1:{port}", pid


@contextmanager
def chat(model: str, **environment: str) -> Iterator[tuple[str, int]]:
    """Run the chat as `make run` starts it, with everything on but the limits."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "DATA_DIR": folder,
            "SECRET_KEY": "for a bench only",
            "PORT": str(port),
            "GPTJ_URL": f"openai+{model}?model=mock&concurrency=1000",
            **UNLIMITED,
            **environment,
        }
        migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        subprocess.run(migrate, cwd=ROOT, env={**os.environ, **settings}, check=True)
        with running(SERVER_CORE, port, sys.executable, "manage.py", "serve", **settings) as pid:
            yield f"http://127.0.0.1:{port}", pid


@contextmanager
def twice(model: str) -> Iterator[list[tuple[str, int]]]:
    """Run two processes of the chat, with PostgreSQL and Redis between them, all on one core but for those."""
    with postgresql() as database, redis() as layer:
        between = {"DATABASE_URL": database, "REDIS_URL": layer}
        with chat(model, **between) as one, chat(model, **between) as other:
            yield [one, other]


async def measured(server: str, processes: Sequence[tuple[str, int]], people: int) -> Cost:
    """Put the load on a server's processes, each an address and an id, and sum it up."""
    urls, pids = zip(*processes, strict=True)
    start_mb = sum(map(memory_mb, pids))
    connect = to_floor(urls[0]) if server == "floor" else to_chat(await visits(urls, people))
    talk = await everybody(people, connect, used=lambda: sum(map(cpu_s, pids)), held=lambda: sum(map(memory_mb, pids)))
    return cost(server, talk, start_mb=start_mb)


def one_round(people: int, model: str) -> list[Cost]:
    """Measure every server once, the floor first."""
    with floor(model) as process:
        found = [asyncio.run(measured("floor", [process], people))]
    with chat(model) as process:
        found.append(asyncio.run(measured("chat", [process], people)))
    with twice(model) as processes:
        found.append(asyncio.run(measured("twice", processes, people)))
    return found


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, nargs="+", default=[50, 200, 500])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    os.sched_setaffinity(0, {OTHER_CORE})
    port = free_port()
    results = []
    mock = (sys.executable, "-m", "bench.mock_model", str(port), str(TOKENS), str(DELAY_MS))
    with running(OTHER_CORE, port, *mock):
        for people in options.people:
            rounds = [one_round(people, f"http://127.0.0.1:{port}/v1") for _ in range(options.rounds)]
            results += medians([[each.as_dict() for each in costs] for costs in rounds])
    for row in results:
        figures = " ".join(f"{name}={value:.3g}" for name, value in row.items() if isinstance(value, float))
        print(
            f"{row['server']:>6} {row['people']:>4} people  {row['to_floor']['cpu_ms_per_1000_tokens']:.2f}x  {figures}"
        )
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
