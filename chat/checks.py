"""What `manage.py check` asks of this app: whether it is open to more than it should be, and whole.

chat.E001  ORIGINS lets every site in, which could then speak as its visitors
chat.E002  SECRET_KEY is one that everybody knows, or can guess
chat.E003  WEB_CONCURRENCY asks for several processes without the REDIS_URL that joins them
chat.W001  ALLOWED_HOSTS lets every name in
chat.W002  METRICS_TOKEN can be guessed
chat.W003  DEBUG is on while others than this machine can come in
"""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004 (Django's name)

LOOPBACK = {"localhost", "127.0.0.1", "::1"}
SHORTEST = 16  # characters of a key that nobody guesses
DIFFERENT = 5  # characters in it that differ
KNOWN = (
    "for development only",
    "changeme",
    "change-me",
    "change me",
    "secret",
    "password",
    "django-insecure-",
    "insecure",
)


@register
def check_who_comes_in(**_kwargs: Any) -> list[CheckMessage]:
    """Look at origins and hosts."""
    found: list[CheckMessage] = []
    if any("*" in origin for origin in settings.ORIGINS):
        hint = "Name each address that people use, such as ORIGINS=https://chat.example.org."
        found.append(Error("ORIGINS lets other sites speak as its visitors.", hint=hint, id="chat.E001"))
    if "*" in settings.ALLOWED_HOSTS:
        hint = "Name each host that people use, such as ALLOWED_HOSTS=chat.example.org."
        found.append(Warning("ALLOWED_HOSTS lets every name in.", hint=hint, id="chat.W001"))
    hosts = {urlsplit(origin).hostname for origin in settings.ORIGINS}
    if settings.DEBUG and not hosts <= LOOPBACK:
        hint = "Unset DEBUG: its error pages show settings and what people wrote."
        found.append(Warning("DEBUG is on, and not for this machine alone.", hint=hint, id="chat.W003"))
    return found


@register
def check_keys(**_kwargs: Any) -> list[CheckMessage]:
    """Look at the keys that open something here; a model's is its server's to judge."""
    found: list[CheckMessage] = []
    if _guessed(settings.SECRET_KEY) and not settings.DEBUG:
        hint = "Unset SECRET_KEY and run `make key`, or set it to a long random text."
        found.append(Error("SECRET_KEY can be guessed: anybody can be any visitor.", hint=hint, id="chat.E002"))
    if settings.METRICS_TOKEN and _guessed(settings.METRICS_TOKEN):
        hint = "Set it to a long random text, or unset it: /metrics is for this machine alone then."
        found.append(Warning("METRICS_TOKEN can be guessed.", hint=hint, id="chat.W002"))
    return found


@register
def check_processes(**_kwargs: Any) -> list[CheckMessage]:
    """Look at how many processes there are to be, as far as the environment tells."""
    if settings.WEB_CONCURRENCY > 1 and not settings.REDIS_URL:
        hint = "Set REDIS_URL, or unset WEB_CONCURRENCY: a tab hears of another process only through Redis."
        return [Error("There are to be several processes, and no Redis between them.", hint=hint, id="chat.E003")]
    return []


def _guessed(key: str) -> bool:
    return len(key) < SHORTEST or len(set(key)) < DIFFERENT or key.lower().startswith(KNOWN)
