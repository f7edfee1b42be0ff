"""To Lightsail: what is asked for fits AWS's own model, and the real AWS CLI brings it to a stand-in on loopback."""

import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.lightsail import request
from deploy.lightsail.exceptions import Misconfigured
from deploy.lightsail.request import Service
from tests_deploy.aws_model import faults, model, operation
from tests_deploy.lightsail_server import LAST_WORDS, REGISTRY_PASSWORD, Lightsail, lightsail

ROOT = Path(__file__).parent.parent
AWS = Path(sys.executable).parent / "aws"
KEY = "k" * 50
DATABASE = "postgres://chatbot:the-database-password@db/chatbot"
URL = "https://chatbot.abc.eu-central-1.cs.amazonlightsail.com/"
DIGEST = f"sha256:{'0f' * 32}"
# What Docker does here, but for the sending: it notes its words and its input, and says a digest.
DOCKER = f"""#!/bin/sh
echo "$@" >> "$DOCKER_NOTES"
case "$1" in
  login) cat >> "$DOCKER_NOTES.stdin" ;;
  push) echo "1700-abc: digest: {DIGEST} size: 1234" ;;
esac
"""


def settings(*, scale: int = 1, url: str = URL, throwaway: bool = False, **environment: str) -> dict[str, str]:
    given = {"SECRET_KEY": KEY, "DATABASE_URL": DATABASE, **environment}
    return request.settings(given, scale=scale, url=url, throwaway=throwaway)


def test_what_is_rendered_fits_the_model_of_aws() -> None:
    service = Service.of({})
    rendered = request.deployment(service, ":chatbot.web.1", settings())
    assert list(faults(operation("CreateContainerServiceDeployment").input_shape, rendered)) == []
    assert list(faults(operation("CreateContainerService").input_shape, service.request())) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"power": "pico"},
        {"scale": 0},
        {"scale": 21},
        {"scale": "1"},
        {"serviceName": "Chatbot"},
        {"serviceName": "x" * 64},
        {"colour": "red"},
    ],
)
def test_the_check_against_the_model_sees_what_the_cli_does_not(wrong: dict[str, Any]) -> None:
    given = {**Service.of({}).request(), **wrong}
    assert list(faults(operation("CreateContainerService").input_shape, given))


def test_the_powers_are_those_of_the_model() -> None:
    assert list(request.POWERS) == model().shape_for("ContainerServicePowerName").enum


@pytest.mark.parametrize("name", ["a", "7", "ab", "a-b", "chatbot", "x" * 63, "-a", "a-", "A", "a_b", "", "x" * 64])
def test_a_name_is_good_here_if_and_only_if_it_is_good_at_aws(name: str) -> None:
    asked = {"serviceName": name, "power": "nano", "scale": 1}
    fits = not list(faults(operation("CreateContainerService").input_shape, asked))
    assert bool(request.NAME.fullmatch(name)) == fits


def test_the_page_s_origin_is_the_service_s_own_address_unless_another_is_named() -> None:
    assert settings()["ORIGINS"] == URL.rstrip("/")
    assert settings()["ALLOWED_HOSTS"] == "chatbot.abc.eu-central-1.cs.amazonlightsail.com"
    own = settings(ORIGINS="https://chat.example.org,https://talk.example.org")
    assert own["ALLOWED_HOSTS"] == "chat.example.org,talk.example.org"


def test_settings_of_the_chat_server_go_along_and_no_others() -> None:
    passed = settings(
        GPTJ_URL="openai+https://api.example.org/v1?model=m",
        GPTJ_API_KEY_OTHER="secret",
        LIMIT_TEXT="2000",
        HOME="/root",
        PORT="9000",
        DEBUG="true",
        AWS_SECRET_ACCESS_KEY="never",
    )
    assert passed.keys() - {"ORIGINS", "ALLOWED_HOSTS", "SECRET_KEY", "DATABASE_URL", "LOG_FORMAT"} == {
        "TRUSTED_PROXY_COUNT",
        "GPTJ_URL",
        "GPTJ_API_KEY_OTHER",
        "LIMIT_TEXT",
    }
    assert passed["TRUSTED_PROXY_COUNT"] == "1"


def test_each_setting_that_the_container_has_of_its_own_is_a_documented_one() -> None:
    assert set(re.findall(r"^# ([A-Z_]+)=", request.DOCUMENTED.read_text(), re.MULTILINE)) >= request.OWN


@pytest.mark.parametrize(
    ("environment", "names"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"DATABASE_URL": ""}, "DATABASE_URL"),
        ({"ORIGINS": "http://chat.example.org"}, "ORIGINS"),
        ({"ORIGINS": "https://chat.example.org/chat"}, "ORIGINS"),
        ({"ORIGINS": "https://chat.example.org,"}, "ORIGINS"),
        ({"scale": 2}, "REDIS_URL"),
        ({"scale": 2, "throwaway": True, "DATABASE_URL": ""}, "DATABASE_URL"),
    ],
)
def test_what_would_not_work_is_refused_by_name(environment: dict[str, Any], names: str) -> None:
    with pytest.raises(Misconfigured, match=names):
        settings(**environment)


@pytest.mark.parametrize(
    "environment", [{"LIGHTSAIL_POWER": "pico"}, {"LIGHTSAIL_SCALE": "21"}, {"LIGHTSAIL_SERVICE": "Chat Bot"}]
)
def test_a_service_that_cannot_be_is_refused_by_name(environment: dict[str, str]) -> None:
    with pytest.raises(Misconfigured, match=next(iter(environment))):
        Service.of(environment)


def test_a_look_at_the_request_shows_no_secret() -> None:
    shown = str(
        request.without_secrets(request.deployment(Service.of({}), ":chatbot.web.1", settings(GPTJ_API_KEY="s3")))
    )
    assert "***" in shown
    for secret in (KEY, "the-database-password", "s3"):
        assert secret not in shown


def test_the_role_may_do_what_is_done_and_nothing_else() -> None:
    folder = ROOT / "deploy" / "lightsail"
    called = {
        name for file in folder.glob("*.py") for name in re.findall(r'lightsail\(\s*"([a-z-]+)"', file.read_text())
    }
    (allowed,) = json.loads((folder / "policy.json").read_text())["Statement"]
    names = {action.removeprefix("lightsail:") for action in allowed["Action"]}
    assert names == {"".join(word.capitalize() for word in name.split("-")) for name in called}
    assert names <= set(model().operation_names)


# --- The real AWS CLI ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A stand-in for an AWS account, and a shell that is logged in to it."""

    lightsail: Lightsail
    environment: dict[str, str]
    notes: Path

    def deploy(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "deploy.lightsail", "deploy", "--pause", "0.01", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env={**self.environment, **environment}, capture_output=True, text=True, check=False
        )


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    docker = tmp_path / "docker"
    docker.write_text(DOCKER)
    docker.chmod(docker.stat().st_mode | stat.S_IXUSR)
    with lightsail() as server:
        yield Account(
            lightsail=server,
            notes=tmp_path / "notes",
            environment={
                "PATH": os.environ["PATH"],
                "HOME": str(tmp_path),
                "AWS": str(AWS),
                "DOCKER": str(docker),
                "DOCKER_NOTES": str(tmp_path / "notes"),
                "AWS_ENDPOINT_URL_LIGHTSAIL": server.url,
                "AWS_ACCESS_KEY_ID": "none",
                "AWS_SECRET_ACCESS_KEY": "none",
                "AWS_REGION": "eu-central-1",
                "AWS_DEFAULT_REGION": "eu-central-1",
                "SECRET_KEY": KEY,
                "DATABASE_URL": DATABASE,
                "ORIGINS": "https://chat.example.org",
            },
        )


def test_the_first_deployment_makes_the_service_pushes_deploys_and_waits_for_health(account: Account) -> None:
    done = account.deploy()
    assert (done.returncode, done.stdout) == (0, f"{account.lightsail.url}\n"), done.stderr
    assert account.lightsail.operations == [
        "CreateContainerService",
        "CreateContainerServiceRegistryLogin",
        "RegisterContainerImage",
        "CreateContainerServiceDeployment",
    ]
    assert account.lightsail.input("RegisterContainerImage")["digest"] == DIGEST
    container = account.lightsail.input("CreateContainerServiceDeployment")["containers"]["web"]
    assert container["image"] == ":chatbot.web.1"
    assert container["environment"]["DATABASE_URL"] == DATABASE
    assert account.lightsail.services["chatbot"]["currentDeployment"]["state"] == "ACTIVE"
    said = account.notes.read_text()
    assert [line.split()[0] for line in said.splitlines()] == ["login", "tag", "push", "rmi", "logout"]
    assert account.notes.with_suffix(".stdin").read_text() == REGISTRY_PASSWORD
    for secret in (REGISTRY_PASSWORD, KEY, DATABASE):
        assert secret not in said + done.stdout + done.stderr


def test_the_next_deployment_resizes_the_service_and_takes_an_image_that_is_there(account: Account) -> None:
    account.lightsail.CreateContainerService(serviceName="chatbot", power="nano", scale=1)
    done = account.deploy(
        "--image", ":chatbot.web.1", LIGHTSAIL_POWER="micro", LIGHTSAIL_SCALE="2", REDIS_URL="redis://cache:6379/0"
    )
    assert done.returncode == 0, done.stderr
    assert account.lightsail.operations == ["UpdateContainerService", "CreateContainerServiceDeployment"]
    assert not account.notes.exists()


def test_a_deployment_that_does_not_come_up_ends_with_the_container_s_last_words(account: Account) -> None:
    account.lightsail.comes_up = False
    account.lightsail.CreateContainerService(serviceName="chatbot", power="nano", scale=1)
    done = account.deploy("--image", ":chatbot.web.1")
    assert done.returncode == 1
    assert LAST_WORDS in done.stderr


def test_what_is_misconfigured_is_neither_pushed_nor_deployed(account: Account) -> None:
    account.lightsail.CreateContainerService(serviceName="chatbot", power="nano", scale=1)
    done = account.deploy(SECRET_KEY="")
    assert done.returncode == 1
    assert "SECRET_KEY" in done.stderr
    assert account.lightsail.operations == []
    assert not account.notes.exists()
