"""The floor: the least that relays a model's tokens to a browser. ASGI and aiohttp; no Django, no database.

Run as: MODEL_URL=http://... python -m uvicorn bench.floor:application
"""

import json
import os
from typing import Any

import aiohttp

URL = os.environ.get("MODEL_URL", "")
_http: list[aiohttp.ClientSession] = []


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Relay the answer to each message of a WebSocket, a frame a token."""
    if scope["type"] != "websocket":
        return
    if not _http:
        _http.append(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        body = {"stream": True, "messages": [{"role": "user", "content": message["text"]}]}
        async with _http[0].post(f"{URL}/chat/completions", json=body) as response:
            async for line in response.content:
                if not line.startswith(b"data: {"):
                    continue
                choices = json.loads(line[6:])["choices"]
                text = choices[0]["delta"].get("content") if choices else None
                if text:
                    await send({"type": "websocket.send", "text": json.dumps({"type": "delta", "text": text})})
        await send({"type": "websocket.send", "text": '{"type": "end"}'})
