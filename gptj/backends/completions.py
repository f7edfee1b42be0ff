"""The part of the OpenAI API that matters here: completions of both kinds, streamed; the models; tokens where told.

https://platform.openai.com/docs/api-reference/chat/streaming; /tokenize is llama.cpp's and vLLM's own.
"""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from itertools import takewhile
from typing import Any

import aiohttp

from gptj.backends.base import Event, Finished, Piece, Sampling, Turn
from gptj.backends.failures import broken, error_in
from gptj.backends.http import Deadline, Server, quick
from gptj.backends.sse import EventTooLong, Parser, ServerSentEvent, joined
from gptj.backends.text import Cleaner
from gptj.exceptions import BackendTimeout, GenerationError, ResponseGarbled, StreamIncomplete

MAX_TEXT_CHARS = 1_048_576  # 1 MiB; of one reply
AFTER_THE_END_S = 2.0  # for the token counts, which come after a whole reply
DONE = "[DONE]"


class Completions:
    """A client of one server. `model` is its name there; empty, the server has only one."""

    def __init__(self, server: Server, *, model: str = "") -> None:
        self.server = server
        self.model = model

    def chat(
        self, turns: Sequence[Turn], sampling: Sampling, extra: Mapping[str, Any] | None = None
    ) -> AsyncGenerator[Event, None]:
        """Answer the last turn. `extra` are parameters that `sampling` overrides. Raises GenerationError."""
        payload = {
            **(extra or {}),
            "messages": [{"role": turn.role, "content": turn.text} for turn in turns],
            **self._payload(sampling),
        }
        return self._stream("/chat/completions", payload)

    def text(self, prompt: str, sampling: Sampling, stop: Sequence[str]) -> AsyncGenerator[Event, None]:
        """Continue `prompt`, up to one of `stop`. Raises GenerationError."""
        payload = {"prompt": prompt, "stop": list(stop), **self._payload(sampling)}
        return self._stream("/completions", payload)

    async def models(self) -> list[str]:
        """Return the names of the server's models. Raises GenerationError."""
        deadline = Deadline(quick(self.server.patience))
        async with self.server.request("GET", f"{self.server.url}/models", deadline) as response:
            body = await self.server.body(response, deadline)
        try:
            return [str(model["id"]) for model in json.loads(body)["data"]]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise ResponseGarbled("The model's server does not list its models.") from error

    async def tokens(self, text: str) -> int | None:
        """Return how many tokens `text` is, or None if the server does not tell. Raises GenerationError."""
        deadline = Deadline(quick(self.server.patience))
        payload = {"model": self.model, "content": text, "prompt": text, "add_special_tokens": False}
        url = f"{self.server.url.removesuffix('/v1')}/tokenize"
        async with self.server.request("POST", url, deadline, payload) as response:
            body = await self.server.body(response, deadline)
        try:
            return len(json.loads(body)["tokens"])
        except (ValueError, TypeError, KeyError, RecursionError):
            return None

    def _payload(self, sampling: Sampling) -> dict[str, Any]:
        """Return what every call asks for."""
        wishes = {
            "model": self.model or None,
            "max_tokens": sampling.max_new_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": sampling.seed,
        }
        return {
            **{name: value for name, value in wishes.items() if value is not None},
            "stream": True,
            "stream_options": {"include_usage": True},
        }

    async def _stream(self, path: str, payload: Mapping[str, Any]) -> AsyncGenerator[Event, None]:
        """Give the text of the events that came together as one piece."""
        deadline = Deadline(self.server.patience)
        reading = _Reading()
        async with (
            # llama.cpp closes the connection after a stream, without having said so.
            self.server.request("POST", self.server.url + path, deadline, payload, last=True) as response,
            aclosing(self._events(response, deadline, reading)) as arriving,
        ):
            async for events in arriving:
                text, fault = reading.read_all(events)
                if text:
                    yield Piece(text=text)
                if fault is not None:
                    raise fault
                if reading.done:
                    break
        yield reading.finished()

    async def _events(
        self, response: aiohttp.ClientResponse, deadline: Deadline, reading: "_Reading"
    ) -> AsyncGenerator[list[ServerSentEvent], None]:
        """Give the events as they come; what is missing after the reply's own end is not waited for."""
        content_type = response.headers.get("Content-Type", "")
        if "text/event-stream" not in content_type:
            raise await self._instead(response, deadline)
        parser = Parser()
        async with aclosing(self.server.chunks(response, deadline)) as chunks:
            try:
                async for chunk in chunks:
                    if events := parser.feed(chunk):
                        deadline.heard()
                        yield events
                    if reading.reason:
                        deadline.ending(AFTER_THE_END_S)
            except EventTooLong as error:
                raise ResponseGarbled("The model's server sends an event of more than 1 MiB.") from error
            except (BackendTimeout, StreamIncomplete):
                if not reading.reason:
                    raise
                return
        yield [event for event in parser.close() if event.data == DONE or _whole(event)]

    async def _instead(self, response: aiohttp.ClientResponse, deadline: Deadline) -> GenerationError:
        """Return what an answer means that is no stream."""
        error = error_in(await self.server.body(response, deadline))
        if error.get("code") or error.get("message"):
            return broken(error)
        return ResponseGarbled("The model's server does not stream its answer.")


class _Reading:
    """What the events of one reply have said so far."""

    def __init__(self) -> None:
        self.reason: str = ""
        self.done = False
        self._model: str | None = None
        self._usage: Mapping[str, Any] = {}
        self._chars = 0
        self._cleaner = Cleaner()

    def read_all(self, events: Sequence[ServerSentEvent]) -> tuple[str, GenerationError | None]:
        """Take in events up to the last; return their text, cleaned, and what is wrong with the one it ends at."""
        told = list(takewhile(lambda event: event.data != DONE, events))
        raw, fault = joined(told, self._read)
        text = self._cleaner.clean(raw)
        self._chars += len(text)
        if self._chars > MAX_TEXT_CHARS:
            fault = ResponseGarbled("The model's answer has no end: more than 1 MiB.")
        self.done = fault is None and len(told) < len(events)
        return text, fault

    def _read(self, sent: ServerSentEvent) -> str:
        """Take in one event; return the text in it. Raises GenerationError."""
        try:
            event = sent.json()
        except (ValueError, RecursionError) as error:
            raise ResponseGarbled("The model's server sends events of an unknown form.") from error
        if not isinstance(event, dict):
            raise ResponseGarbled("The model's server sends events of an unknown form.")
        if event.get("error"):
            raise broken(error_in(sent.data))
        if isinstance(event.get("usage"), dict):
            self._usage = event["usage"]
        if isinstance(event.get("model"), str):
            self._model = event["model"]
        return self._choice(event)

    def finished(self) -> Finished:
        """Return how the reply ended. Raises StreamIncomplete if it did not, ResponseGarbled if nothing was in it."""
        if not (self.reason or self.done):
            raise StreamIncomplete("The model's server broke off in the middle of its answer.")
        if not self._chars and self.reason != "length":
            raise ResponseGarbled("The model gave an empty answer.")
        return Finished(
            reason="length" if self.reason == "length" else "stop",
            prompt_tokens=self._count("prompt_tokens"),
            cached_tokens=self._cached(),
            completion_tokens=self._count("completion_tokens"),
            model=self._model,
        )

    def _choice(self, event: Mapping[str, Any]) -> str:
        """Return the text in an event's only choice, and note why it ends there if it does."""
        choices = event.get("choices")
        if not choices:  # the token counts come with none
            return ""
        try:
            choice = choices[0]
            self.reason = choice.get("finish_reason") or self.reason
            text = choice["delta"].get("content") if "delta" in choice else choice.get("text")
        except (TypeError, AttributeError, KeyError, IndexError) as error:
            raise ResponseGarbled("The model's server sends events of an unknown form.") from error
        if text is not None and not isinstance(text, str):
            raise ResponseGarbled("The model's server sends text that is none.")
        return text or ""

    def _cached(self) -> int | None:
        details = self._usage.get("prompt_tokens_details")
        value = details.get("cached_tokens") if isinstance(details, dict) else None
        return value if isinstance(value, int) else None

    def _count(self, name: str) -> int | None:
        value = self._usage.get(name)
        return value if isinstance(value, int) else None


def _whole(event: ServerSentEvent) -> bool:
    """Whether the last event before the connection's end came to its own end."""
    try:
        event.json()
    except (ValueError, RecursionError):
        return False
    return True
