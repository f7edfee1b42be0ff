"""`manage.py check`: what is open to more than it should be is told, with what to do."""

import secrets
from typing import Any

import pytest
from django.conf import LazySettings

from chat.checks import check_keys, check_who_comes_in

GOOD: dict[str, Any] = {
    "ORIGINS": ["https://chat.example.org"],
    "ALLOWED_HOSTS": ["chat.example.org"],
    "DEBUG": False,
    "SECRET_KEY": secrets.token_urlsafe(50),
    "METRICS_TOKEN": "",
}


def found(settings: LazySettings, **changed: Any) -> list[str | None]:
    """Return what is found wrong; each with a hint."""
    for name, value in {**GOOD, **changed}.items():
        setattr(settings, name, value)
    messages = [*check_who_comes_in(), *check_keys()]
    assert all(message.hint for message in messages)
    return [message.id for message in messages]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"ORIGINS": ["*"]}, ["chat.E001"]),
        ({"ORIGINS": ["https://*.example.org"]}, ["chat.E001"]),
        ({"ALLOWED_HOSTS": ["*"]}, ["chat.W001"]),
        ({"DEBUG": True}, ["chat.W003"]),
        ({"DEBUG": True, "ORIGINS": ["http://localhost:8000", "http://[::1]:8000"]}, []),
        ({"SECRET_KEY": "short"}, ["chat.E002"]),
        ({"SECRET_KEY": "a" * 50}, ["chat.E002"]),
        ({"SECRET_KEY": "django-insecure-" + secrets.token_urlsafe(50)}, ["chat.E002"]),
        ({"SECRET_KEY": "for development only, and known to everyone"}, ["chat.E002"]),
        ({"METRICS_TOKEN": "prometheus"}, ["chat.W002"]),
        ({"METRICS_TOKEN": secrets.token_urlsafe(20)}, []),
    ],
)
def test_what_is_open_is_told(settings: LazySettings, changed: dict[str, Any], expected: list[str]) -> None:
    assert found(settings, **changed) == expected
