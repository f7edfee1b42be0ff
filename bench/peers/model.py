"""The model's tokens, for both peers: by OpenAI's client, as their documentation does, or as the floor gets them."""

import json
import os
from collections.abc import AsyncIterator
from functools import cache

import aiohttp
from openai import AsyncOpenAI

URL = os.environ.get("MODEL_URL", "")
UNUSED = "unused"  # the mock asks for no key, OpenAI's client for one
LEAN = os.environ.get("MODEL_CLIENT") == "lean"  # so that a peer pays for nothing but itself


def tokens(text: str) -> AsyncIterator[str]:
    """Return the tokens of the answer to `text`."""
    return _lean(text) if LEAN else _documented(text)


@cache
def _openai() -> AsyncOpenAI:
    return AsyncOpenAI(base_url=URL, api_key=UNUSED)


@cache
def _http() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))


async def _documented(text: str) -> AsyncIterator[str]:
    stream = await _openai().chat.completions.create(
        model="mock", messages=[{"role": "user", "content": text}], stream=True
    )
    async for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content:
            yield chunk.choices[0].delta.content


async def _lean(text: str) -> AsyncIterator[str]:
    body = {"stream": True, "messages": [{"role": "user", "content": text}]}
    async with _http().post(f"{URL}/chat/completions", json=body) as response:
        async for line in response.content:
            if not line.startswith(b"data: {"):
                continue
            choices = json.loads(line[6:])["choices"]
            token = choices[0]["delta"].get("content") if choices else None
            if token:
                yield token
