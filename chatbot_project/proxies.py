"""Who a request really comes from, behind proxies that one trusts; HTTP and WebSocket alike."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

Scope = dict[str, Any]
Application = Callable[[Scope, Any, Any], Awaitable[None]]


class TrustedProxies:
    """Takes client and scheme from as many entries, from the right, of X-Forwarded-For and -Proto as there are proxies.

    Entries further left were written by whoever sent the request, and are not believed.
    """

    def __init__(self, application: Application, count: int) -> None:
        self._application = application
        self._count = count

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Pass the request on, its scope corrected."""
        if self._count and scope["type"] in {"http", "websocket"}:
            scope = self._corrected(scope)
        await self._application(scope, receive, send)

    def _corrected(self, scope: Scope) -> Scope:
        address = self._entry(scope["headers"], b"x-forwarded-for")
        proto = self._entry(scope["headers"], b"x-forwarded-proto")
        corrected = dict(scope)
        if address:
            corrected["client"] = [address, 0]
        if proto in {"http", "https"}:
            secure = proto == "https"
            names = ("ws", "wss") if scope["type"] == "websocket" else ("http", "https")
            corrected["scheme"] = names[secure]
        return corrected

    def _entry(self, headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str | None:
        """Return the entry that the outermost trusted proxy wrote; proxies that write one alone count as such."""
        entries = [
            entry.strip()
            for key, value in headers
            if key.lower() == name
            for entry in value.decode("latin-1").split(",")
        ]
        return entries[-min(self._count, len(entries))] if entries else None
