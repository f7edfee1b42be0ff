"""The compose file, as Docker Compose itself reads it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
COMPOSE = Path(sys.executable).parent / "docker-compose"

Config = dict[str, Any]


def compose(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    known = {"PATH": os.environ["PATH"], "POSTGRES_PASSWORD": "unused", **environment}
    nothing = ["--env-file", os.devnull]  # not this machine's .env
    command = [str(COMPOSE), *nothing, *arguments, "config", "--format", "json"]
    return subprocess.run(command, cwd=ROOT, env=known, capture_output=True, text=True, check=False)


def services(*arguments: str, **environment: str) -> Config:
    done = compose(*arguments, **environment)
    assert done.returncode == 0, done.stderr
    found: Config = json.loads(done.stdout)["services"]
    return found


@pytest.fixture(scope="module")
def everything() -> Config:
    return services("--profile", "*")


def test_up_is_web_redis_and_postgresql_and_profiles_add_to_it() -> None:
    plain = {"web", "redis", "postgres"}
    assert services().keys() == plain
    assert services("--profile", "scale").keys() == plain | {"more", "proxy"}
    assert services("--profile", "gptj").keys() == plain | {"gptj"}


def test_three_web_processes_stand_behind_the_proxy(everything: Config) -> None:
    web, more = everything["web"], everything["more"]
    assert more["deploy"]["replicas"] == 2
    assert web["networks"] == more["networks"] == {"default": {"aliases": ["chatbot"]}}
    assert web["environment"] == more["environment"]
    assert "name chatbot" in (ROOT / "deploy" / "Caddyfile").read_text()


def test_without_a_proxy_nothing_is_open_to_other_machines(everything: Config) -> None:
    published = {name: service.get("ports", []) for name, service in everything.items()}
    assert {name for name, ports in published.items() if ports} == {"web", "proxy"}
    assert {port["host_ip"] for port in published["web"]} == {"127.0.0.1"}


@pytest.mark.parametrize("name", ["web", "more", "proxy"])
def test_what_faces_people_has_neither_rights_nor_a_writable_system(everything: Config, name: str) -> None:
    service = everything[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_there_is_no_default_password() -> None:
    done = compose(POSTGRES_PASSWORD="")
    assert done.returncode != 0
    assert "POSTGRES_PASSWORD" in done.stderr


def test_web_waits_for_the_database_and_each_of_its_servers_can_tell_its_health(everything: Config) -> None:
    waits = everything["web"]["depends_on"]
    assert {name: wait["condition"] for name, wait in waits.items()} == dict.fromkeys(waits, "service_healthy")
    assert waits.keys() == {"postgres", "redis"}
    assert all("healthcheck" in everything[name] for name in ("redis", "postgres", "gptj"))


def test_gptj_is_wired_by_its_address() -> None:
    wired = services("--env-file", "deploy/gptj.env")
    address = wired["web"]["environment"]["GPTJ_URL"]
    served = wired["gptj"]["command"]
    assert f"model={served[served.index('--served-model-name') + 1]}" in address
    checked = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={**os.environ, "GPTJ_URL": address, "SECRET_KEY": "for this test only"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
