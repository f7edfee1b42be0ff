"""What follows from the environment: who may come in, over what, with which models."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chatbot_project.settings import BASE_DIR

NAMES = [
    "ALLOWED_HOSTS",
    "ORIGINS",
    "CSRF_TRUSTED_ORIGINS",
    "SESSION_COOKIE_SECURE",
    "CSRF_COOKIE_SECURE",
    "SECURE_SSL_REDIRECT",
    "SECURE_HSTS_SECONDS",
    "DATABASES",
    "CACHES",
    "CHANNEL_LAYERS",
    "GPTJ_MODELS",
    "DEBUG",
]
PRINT = f"""
import json
from chatbot_project import settings
print(json.dumps({{name: getattr(settings, name) for name in {NAMES}}}, default=str))
"""


def loaded(folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Load the settings in a process of its own, with no other environment than this."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", PRINT],
        cwd=BASE_DIR,
        env={**kept, "DATA_DIR": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def settings(folder: Path, **environment: str) -> dict[str, Any]:
    """Return the settings that follow."""
    ended = loaded(folder, SECRET_KEY="x", **environment)
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def test_alone_it_serves_this_machine_without_anything_else(tmp_path: Path) -> None:
    found = settings(tmp_path, PORT="8123")
    assert found["ORIGINS"] == ["http://localhost:8123", "http://127.0.0.1:8123", "http://[::1]:8123"]
    assert found["ALLOWED_HOSTS"] == ["localhost", "127.0.0.1", "[::1]"]
    assert not found["DEBUG"]
    assert not found["SESSION_COOKIE_SECURE"]
    assert found["DATABASES"]["default"]["NAME"] == str(tmp_path / "chat.sqlite3")
    assert found["DATABASES"]["default"]["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert found["CHANNEL_LAYERS"]["default"]["BACKEND"] == "channels.layers.InMemoryChannelLayer"
    assert found["GPTJ_MODELS"] == {"default": {"URL": "embedded://", "API_KEY": ""}}


def test_at_every_address_it_knows_this_machines_own(tmp_path: Path) -> None:
    found = settings(tmp_path, HOST="0.0.0.0")  # noqa: S104 (nothing is bound)
    assert "*" not in found["ALLOWED_HOSTS"]
    assert set(found["ALLOWED_HOSTS"]) >= {"localhost", "127.0.0.1"}
    assert len(found["ORIGINS"]) == len(found["ALLOWED_HOSTS"])


@pytest.mark.parametrize(
    ("origins", "secure"),
    [
        ("https://chat.example", True),
        ("https://chat.example,https://www.chat.example", True),
        ("https://chat.example,http://localhost:8000", False),
    ],
)
def test_cookies_are_secure_when_every_origin_is(tmp_path: Path, origins: str, secure: bool) -> None:
    found = settings(tmp_path, ORIGINS=origins, ALLOWED_HOSTS="chat.example")
    assert found["CSRF_TRUSTED_ORIGINS"] == found["ORIGINS"] == origins.split(",")
    for name in ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS"):
        assert bool(found[name]) == secure, name


def test_redis_and_postgresql_come_by_their_urls_alone(tmp_path: Path) -> None:
    urls = {"REDIS_URL": "redis://redis:6379/1", "DATABASE_URL": "postgres://u:p@db:5432/chat"}
    found = settings(tmp_path, **urls)
    assert found["CACHES"]["default"]["LOCATION"] == urls["REDIS_URL"]
    layer = found["CHANNEL_LAYERS"]["default"]
    assert layer["BACKEND"] == "chat.layer.Layer"
    assert layer["CONFIG"]["hosts"][0]["socket_timeout"] > 10  # else idle sockets are closed (channels_redis#422)
    database = found["DATABASES"]["default"]
    assert (database["ENGINE"], database["HOST"]) == ("django.db.backends.postgresql", "db")


def test_each_model_has_its_own_key(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        GPTJ_URL="openai+https://one.example/v1",
        GPTJ_API_KEY="first",
        GPTJ_URLS="two=openai+https://two.example/v1?model=x\n three=echo://",
        GPTJ_API_KEY_TWO="second",
    )["GPTJ_MODELS"]
    assert {alias: model["API_KEY"] for alias, model in found.items()} == {
        "default": "first",
        "two": "second",
        "three": "",
    }
    assert found["two"]["URL"] == "openai+https://two.example/v1?model=x"


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "SECRET_KEY is not set"),
        ({"SECRET_KEY": "x", "GPTJ_URLS": "no-alias"}, "GPTJ_URLS: 'no-alias' is not of the form alias=url"),
        ({"SECRET_KEY": "x", "GPTJ_URLS": "a-b=echo://?api_key=hidden"}, "is not of the form alias=url"),
        ({"SECRET_KEY": "x", "PORT": "http"}, "http"),
    ],
)
def test_what_cannot_be_is_told_at_start(tmp_path: Path, environment: dict[str, str], said: str) -> None:
    ended = loaded(tmp_path, **environment)
    assert ended.returncode != 0
    assert said in ended.stderr
    assert "hidden" not in ended.stderr
