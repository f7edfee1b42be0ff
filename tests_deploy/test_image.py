"""What the image runs, run here: it prepares its data, serves, hears SIGTERM at any time, and tells its health."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from chat.tests.servers import free_port

ROOT = Path(__file__).parent.parent
START = ROOT / "deploy" / "image" / "start.py"
HEALTHY = ROOT / "deploy" / "image" / "healthy.py"
START_S = 60
END_S = 20


@contextmanager
def started(folder: Path, **settings: str) -> Iterator[tuple["subprocess.Popen[str]", dict[str, str]]]:
    """Start what the image starts, with its data in `folder`; the other value is its environment."""
    environment = {
        **os.environ,
        "HOST": "127.0.0.1",
        "PORT": str(free_port()),
        "DATA_DIR": str(folder / "data"),
        "GPTJ_URL": "echo://",
        "PYTHONUNBUFFERED": "1",
        **settings,
    }
    environment.pop("SECRET_KEY", None)
    command, output = [sys.executable, str(START)], subprocess.PIPE
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT, text=True)
    try:
        yield process, environment
    finally:
        process.kill()
        process.communicate()


def health(environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-SEs", str(HEALTHY)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def wait_until_healthy(process: "subprocess.Popen[str]", environment: dict[str, str]) -> None:
    until = time.monotonic() + START_S
    while health(environment).returncode:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.1)


def test_it_makes_its_data_serves_and_ends_by_sigterm(tmp_path: Path) -> None:
    names = {"ALLOWED_HOSTS": "chat.example.org", "ORIGINS": "https://chat.example.org"}
    with started(tmp_path, **names) as (process, environment):
        wait_until_healthy(process, environment)
        key = tmp_path / "data" / "secret_key"
        assert key.stat().st_mode & 0o077 == 0
        url = f"http://127.0.0.1:{environment['PORT']}"
        assert requests.get(url, headers={"Host": "elsewhere.example"}, timeout=10).status_code == 400
        process.send_signal(signal.SIGTERM)
        assert process.wait(END_S) == 0


def test_it_hears_sigterm_before_it_serves(tmp_path: Path) -> None:
    hold = "postgres://nobody@127.0.0.1:1/none"  # nobody answers, so that it waits
    with started(tmp_path, DATABASE_URL=hold) as (process, _):
        until = time.monotonic() + START_S
        while not (tmp_path / "data" / "secret_key").exists():
            assert time.monotonic() < until
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(END_S) == -signal.SIGTERM


def test_data_that_cannot_be_written_is_an_error_by_name(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder belongs")
    with started(tmp_path) as (process, _):
        said, _ = process.communicate(timeout=END_S)
    assert process.returncode == 1
    assert "cannot write to DATA_DIR" in said
    assert "Traceback" not in said


def test_where_nobody_answers_it_is_not_healthy() -> None:
    port = free_port()
    done = health({**os.environ, "PORT": str(port)})
    assert done.returncode == 1
    assert str(port) in done.stderr
