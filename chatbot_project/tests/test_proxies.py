"""Whose address counts: that of whoever the outermost trusted proxy saw, never what a client claims."""

from typing import Any

import pytest

from chatbot_project.proxies import Scope, TrustedProxies


async def seen(scope: dict[str, Any], count: int) -> Scope:
    """Return the scope that the application gets behind `count` proxies."""
    passed: list[Scope] = []

    async def application(scope: Scope, receive: Any, send: Any) -> None:
        passed.append(scope)

    plain = {"type": "http", "client": ["10.0.0.1", 5], "scheme": "http"}
    await TrustedProxies(application, count)({**plain, **scope}, None, None)
    return passed[0]


def forwarded(*lines: str, proto: str | None = None) -> list[tuple[bytes, bytes]]:
    """Return headers with an X-Forwarded-For a line."""
    headers = [(b"X-Forwarded-For", line.encode()) for line in lines]
    return [*headers, (b"x-forwarded-proto", proto.encode())] if proto is not None else headers


@pytest.mark.parametrize(
    ("lines", "count", "client"),
    [
        (["1.1.1.1, 2.2.2.2, 3.3.3.3"], 0, "10.0.0.1"),
        (["1.1.1.1, 2.2.2.2, 3.3.3.3"], 1, "3.3.3.3"),
        (["1.1.1.1, 2.2.2.2, 3.3.3.3"], 2, "2.2.2.2"),
        (["1.1.1.1", "2.2.2.2,3.3.3.3"], 2, "2.2.2.2"),
        (["1.1.1.1", "2.2.2.2,3.3.3.3"], 3, "1.1.1.1"),
        (["3.3.3.3"], 2, "3.3.3.3"),
        (["2001:db8::1"], 1, "2001:db8::1"),
        (["spoofed, , 3.3.3.3"], 1, "3.3.3.3"),
        ([""], 1, "10.0.0.1"),
        ([], 1, "10.0.0.1"),
    ],
)
async def test_entries_count_from_the_right(lines: list[str], count: int, client: str) -> None:
    assert (await seen({"headers": forwarded(*lines)}, count))["client"][0] == client


@pytest.mark.parametrize(
    ("kind", "proto", "count", "scheme"),
    [
        ("http", "https", 0, "http"),
        ("http", "https", 1, "https"),
        ("http", "http, https", 1, "https"),
        ("http", "http, https", 2, "http"),
        ("http", "https", 2, "https"),
        ("http", "gopher", 1, "http"),
        ("http", None, 1, "http"),
        ("websocket", "https", 1, "wss"),
        ("websocket", "http", 1, "ws"),
    ],
)
async def test_the_scheme_is_what_the_trusted_proxy_was_spoken_to_in(
    kind: str, proto: str | None, count: int, scheme: str
) -> None:
    assert (await seen({"type": kind, "headers": forwarded("1.1.1.1", proto=proto)}, count))["scheme"] == scheme


async def test_what_the_server_passed_in_is_left_as_it_was() -> None:
    scope = {"type": "http", "client": ["10.0.0.1", 5], "scheme": "http", "headers": forwarded("9.9.9.9")}
    before = dict(scope)
    await seen(scope, 1)
    assert scope == before


async def test_lifespan_has_no_headers_and_passes() -> None:
    assert (await seen({"type": "lifespan"}, 1))["type"] == "lifespan"
