"""An OpenAI-compatible model server whose every token is the time at which it was sent.

Run as: python -m bench.mock_model PORT TOKENS DELAY_MS
"""

import asyncio
import json
import sys
import time

from aiohttp import web

HEADERS = {"Content-Type": "text/event-stream"}


def token() -> str:
    """Return the monotonic clock in ns, which every process of this machine shares, as one token."""
    return f"{time.monotonic_ns()} "


def application(tokens: int, delay_s: float) -> web.Application:
    """Return the server; each reply has that many tokens, that far apart."""

    async def complete(request: web.Request) -> web.StreamResponse:
        await request.read()
        response = web.StreamResponse(headers=HEADERS)
        await response.prepare(request)
        due = time.monotonic()
        for _ in range(tokens):
            await response.write(_event({"choices": [{"index": 0, "delta": {"content": token()}}]}))
            due += delay_s
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        await response.write(_event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))
        usage = {"prompt_tokens": 10, "completion_tokens": tokens}
        await response.write(_event({"choices": [], "usage": usage}) + b"data: [DONE]\n\n")
        return response

    async def models(_request: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": "mock"}]})

    made = web.Application()
    made.router.add_post("/v1/chat/completions", complete)
    made.router.add_get("/v1/models", models)
    return made


def _event(data: object) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"


if __name__ == "__main__":
    port, tokens, delay_ms = map(int, sys.argv[1:4])
    web.run_app(application(tokens, delay_ms / 1000), host="127.0.0.1", port=port, print=None, access_log=None)
