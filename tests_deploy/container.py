"""The image as a visitor and an operator meet it, in the room of Lightsail's smallest node. Slow: `make container`.

Takes from the environment: IMAGE, one that is built already; ENGINE, docker or podman, else whichever answers;
BUILD_OPTIONS and RUN_OPTIONS, more options for its `build` and `run`.
"""

import json
import os
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests_e2e.visitor import Visitor

ROOT = Path(__file__).parent.parent
ROOM = ["--memory=512m", "--memory-swap=512m", "--cpus=0.25"]  # Lightsail's nano
LOCKED = ["--cap-drop=ALL", "--security-opt=no-new-privileges", "--read-only", "--tmpfs=/tmp"]
HEALTHY_S = 60  # until it serves; it takes about 4 at a quarter of a CPU
REPLY_S = 300  # for a reply there
STOP_S = 10  # for a clean end
STORY = "Write a long story about a lighthouse keeper and the sea."


@pytest.fixture(scope="module")
def engine() -> str:
    """Docker or Podman, whichever answers."""
    for name in filter(None, [os.environ.get("ENGINE"), "docker", "podman"]):
        if shutil.which(name) and subprocess.run([name, "info"], capture_output=True, check=False).returncode == 0:
            return name
    raise AssertionError("Neither docker nor podman answers here")


@pytest.fixture(scope="module")
def image(engine: str) -> str:
    """The image: IMAGE, or one built now."""
    given = os.environ.get("IMAGE")
    if given:
        return given
    options = shlex.split(os.environ.get("BUILD_OPTIONS", ""))
    subprocess.run([engine, "build", *options, "--tag", "chatbot:test", str(ROOT)], check=True)
    return "chatbot:test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A running container."""

    engine: str
    name: str
    url: str
    probe: list[str]

    def call(self, *command: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([self.engine, *command], capture_output=True, text=True, check=check)

    def inside(self, *command: str) -> "subprocess.CompletedProcess[str]":
        return self.call("exec", self.name, *command, check=False)

    def wait_until_healthy(self) -> float:
        """Run the image's own HEALTHCHECK until it says yes; return the seconds that took."""
        begun = time.monotonic()
        while self.inside(*self.probe).returncode:
            assert time.monotonic() < begun + HEALTHY_S, self.call("logs", self.name).stderr
            time.sleep(0.2)
        return time.monotonic() - begun

    def memory_mb(self) -> int:
        """Return the most memory that it has used, its cached files included, in MB."""
        for file in ("memory.peak", "memory/memory.max_usage_in_bytes"):
            found = self.inside("cat", f"/sys/fs/cgroup/{file}")
            if found.returncode == 0:
                return int(found.stdout) // 1_000_000
        raise AssertionError("No memory figures in /sys/fs/cgroup")


@pytest.fixture(scope="module")
def config(engine: str, image: str) -> dict[str, Any]:
    """What the image says of itself."""
    said = subprocess.run([engine, "image", "inspect", image], capture_output=True, text=True, check=True).stdout
    found: dict[str, Any] = json.loads(said)[0]
    return found


@pytest.fixture(scope="module")
def container(engine: str, image: str, config: dict[str, Any]) -> Iterator[Container]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    settings = [f"--env=PORT={port}", f"--env=ORIGINS={url}", "--env=ALLOWED_HOSTS=chat.example.org"]
    options = [f"--publish=127.0.0.1:{port}:{port}", *ROOM, *LOCKED, *shlex.split(os.environ.get("RUN_OPTIONS", ""))]
    run = [engine, "run", "--detach", *options, *settings, image]
    name = subprocess.run(run, capture_output=True, text=True, check=True).stdout.strip()
    health = config.get("Config", {}).get("Healthcheck") or config["Healthcheck"]
    assert health["Test"][0] == "CMD"
    running = Container(engine=engine, name=name, url=url, probe=health["Test"][1:])
    try:
        print(f"\nhealthy after {running.wait_until_healthy():.1f} s at a quarter of a CPU")  # noqa: T201 (the figures)
        yield running
    finally:
        running.call("rm", "--force", "--volumes", name)


def test_it_runs_as_nobody_and_can_write_to_its_data_alone(container: Container) -> None:
    assert container.inside("id", "-u").stdout.strip() not in {"", "0"}
    assert container.inside("touch", "/data/new", "/tmp/new").returncode == 0  # noqa: S108 (its own)
    for place in ("/app/new", "/opt/new", "/new"):
        assert container.inside("touch", place).returncode != 0, place


def test_the_image_says_what_it_is(config: dict[str, Any]) -> None:
    labels = config["Config"]["Labels"]
    assert labels["org.opencontainers.image.title"] == "Chatbot"
    assert labels["org.opencontainers.image.licenses"] == "MIT"
    print(f"\nimage {config['Size'] / 1e6:.0f} MB")  # noqa: T201


def test_a_probe_by_the_container_s_own_address_is_answered(container: Container) -> None:
    own = container.inside("python", "-c", "import socket; print(socket.gethostbyname(socket.gethostname()))")
    answer = requests.get(f"{container.url}/healthz", headers={"Host": own.stdout.strip()}, timeout=10)
    assert answer.status_code == 200
    assert requests.get(container.url, headers={"Host": "elsewhere.example"}, timeout=10).status_code == 400


def test_the_model_within_answers(container: Container) -> None:
    visitor = Visitor(container.url)
    with visitor.connect(visitor.open_session()) as tab:
        message = tab.ended(tab.say("What is the capital of France?"), within_s=REPLY_S)
    assert "Paris" in message["text"]
    print(f"\nanswered: {message['usage']}; at most {container.memory_mb()} MB")  # noqa: T201


def test_it_ends_even_if_it_is_told_to_as_soon_as_it_starts(engine: str, image: str) -> None:
    name = subprocess.run(
        [engine, "run", "--detach", *ROOM, *LOCKED, image], capture_output=True, text=True, check=True
    ).stdout.strip()
    begun = time.monotonic()
    subprocess.run([engine, "stop", "-t", "30", name], capture_output=True, check=True)
    took_s = time.monotonic() - begun
    subprocess.run([engine, "rm", "--force", "--volumes", name], capture_output=True, check=True)
    assert took_s < STOP_S


def test_it_ends_within_ten_seconds_and_goes_on_with_the_reply_when_it_is_back(container: Container) -> None:
    visitor = Visitor(container.url)
    session = visitor.open_session()
    with visitor.connect(session) as tab:
        reply = tab.say(STORY)
        tab.receive("delta", within_s=REPLY_S)
        begun = time.monotonic()
        container.call("stop", "-t", "30", container.name)
        took_s = time.monotonic() - begun
        assert tab.close_code() == 4000
    assert took_s < STOP_S
    assert container.call("inspect", "--format={{.State.ExitCode}}", container.name).stdout.strip() == "0"
    container.call("start", container.name)
    back_s = container.wait_until_healthy()
    with visitor.connect(session) as tab:
        message = tab.ended(reply, within_s=REPLY_S)
    assert (message["status"], message["attempt"]) == ("complete", 2)
    print(f"\nended in {took_s:.1f} s, back after {back_s:.1f} s; at most {container.memory_mb()} MB")  # noqa: T201
