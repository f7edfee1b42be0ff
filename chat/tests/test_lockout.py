"""The admin's login: twenty wrong passwords, and the right one opens nothing either, for a while."""

from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

pytestmark = pytest.mark.django_db

LOGIN = "/admin/login/"
PASSWORD = "the right one, and long"


@pytest.fixture(autouse=True)
def staff(db: None) -> User:
    """Somebody who may come in."""
    return User.objects.create_superuser("staff", password=PASSWORD)


def come_in(password: str, *, name: str = "staff", address: str = "203.0.113.9") -> int:
    """Try to; return the status: 302 is in."""
    return Client().post(LOGIN, {"username": name, "password": password}, REMOTE_ADDR=address).status_code


def test_twenty_wrong_passwords_lock_out() -> None:
    tried = [come_in(f"wrong {number}") for number in range(20)]
    assert tried[0] == 200
    assert tried[-1] == 429
    assert come_in(PASSWORD) == 429


def test_who_is_locked_out_is_told_nothing_of_the_password() -> None:
    for number in range(20):
        come_in(f"wrong {number}")
    answers = [
        Client().post(LOGIN, {"username": "staff", "password": password}, REMOTE_ADDR="203.0.113.9").content
        for password in ("wrong", PASSWORD)
    ]
    assert answers[0] == answers[1]


def test_others_are_not_locked_out_with_them() -> None:
    for number in range(20):
        come_in(f"wrong {number}")
    assert come_in(PASSWORD, address="203.0.113.10") == 302


def test_a_claimed_address_does_not_help() -> None:
    for number in range(20):
        Client().post(
            LOGIN,
            {"username": "staff", "password": f"wrong {number}"},
            REMOTE_ADDR="203.0.113.9",
            headers={"X-Forwarded-For": f"198.51.100.{number}"},
        )
    assert come_in(PASSWORD) == 429


def test_after_a_while_the_right_password_counts_again() -> None:
    for number in range(20):
        come_in(f"wrong {number}")
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))
    assert come_in(PASSWORD) == 302


def test_no_password_that_was_tried_is_kept() -> None:
    come_in("canary password")
    kept = [str(value) for row in AccessAttempt.objects.values() for value in row.values()]
    assert kept
    assert not [value for value in kept if "canary" in value]
