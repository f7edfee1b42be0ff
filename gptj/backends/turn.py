"""Whose turn it is at a server that takes one call at a time, among all processes that share a cache. Best effort."""

import hashlib
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.core.cache import cache

LEASE_S = 15.0  # a killed process holds the others up for so long
RENEW_S = 5.0  # between two renewals by one that lives
LOOK_S = 0.2  # between two looks whether the turn has come


@contextmanager
def turn(server: str, gone: threading.Event) -> Iterator[None]:
    """Wait for the turn at `server`, and hold it. Whoever has `gone` waits no more.

    Without a cache that works nobody can tell whose turn it is: go on.
    """
    name, holder = f"gptj.turn.{hashlib.sha256(server.encode()).hexdigest()}", secrets.token_hex(8)
    ended = threading.Event()
    if _taken(name, holder, gone):
        threading.Thread(target=_hold, args=(name, holder, ended), name="gptj turn", daemon=True).start()
    try:
        yield
    finally:
        ended.set()
        with suppress(Exception):  # each cache has its own
            if cache.get(name) == holder:
                cache.delete(name)


def _taken(name: str, holder: str, gone: threading.Event) -> bool:
    try:
        while not cache.add(name, holder, timeout=LEASE_S):
            if gone.wait(LOOK_S):
                return False
    except Exception:  # noqa: BLE001 (each cache has its own)
        return False
    return True


def _hold(name: str, holder: str, ended: threading.Event) -> None:
    while not ended.wait(RENEW_S):
        with suppress(Exception):
            if cache.get(name) == holder:
                cache.touch(name, LEASE_S)
