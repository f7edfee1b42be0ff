"""How long a request's body may be: what is longer is refused before it is kept anywhere."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

Scope = dict[str, Any]
Application = Callable[[Scope, Any, Any], Awaitable[None]]

REFUSAL = json.dumps({"code": "too_large", "detail": "The request is too large."}).encode()


class BodyCap:
    """Refuses a request that says it is longer than `limit` bytes, and one that turns out to be: 413."""

    def __init__(self, application: Application, limit: int) -> None:
        self._application = application
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Pass the request on, its body counted."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
        elif _length(scope) > self._limit:
            await _refuse(send)
        else:
            await self._counted(scope, receive, send)

    async def _counted(self, scope: Scope, receive: Any, send: Any) -> None:
        """Hear the first pieces here; Django would write them all to a file before anybody looks at them."""
        pieces: list[Any] = []
        size, more = 0, True
        while more:
            piece = await receive()
            pieces.append(piece)
            size += len(piece.get("body", b""))
            more = piece["type"] == "http.request" and piece.get("more_body", False)
            if size > self._limit:
                await _refuse(send)
                return

        async def again() -> Any:
            return pieces.pop(0) if pieces else await receive()

        await self._application(scope, again, send)


def _length(scope: Scope) -> int:
    """Return what a request says of its length; 0 if that is nothing or nonsense, which is counted then."""
    said = dict(scope["headers"]).get(b"content-length", b"")
    return int(said) if said.isdigit() else 0


async def _refuse(send: Any) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(REFUSAL)).encode())]
    await send({"type": "http.response.start", "status": 413, "headers": [*headers, (b"connection", b"close")]})
    await send({"type": "http.response.body", "body": REFUSAL})
