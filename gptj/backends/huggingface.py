"""The Hugging Face text-generation contract: Text Generation Inference and Inference Endpoints.

https://huggingface.co/docs/text-generation-inference; a base model, shown a transcript.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field

from gptj import transcript
from gptj.backends.base_model import bots_own
from gptj.backends.failures import ModelLoading, broken, error_in
from gptj.backends.http import Deadline, Server, patience, quick
from gptj.backends.remote import Remote
from gptj.backends.sse import EventTooLong, Parser, ServerSentEvent, joined
from gptj.backends.text import Cleaner
from gptj.exceptions import GenerationError, RequestRejected, ResponseGarbled, StreamIncomplete
from gptj.options import Options
from gptj.tokens import ASK_AGAIN_S, Counter
from gptj.values import Condition, Event, Finished, Piece, Sampling, State, Turn

MAX_TEXT_CHARS = 1_048_576  # 1 MiB; of one reply
SHORTEST_WAIT_S = 0.25  # between two questions to a server that is loading its model, whatever it says
STREAM_SUFFIXES = ("/generate_stream", "/generate")


class HuggingFaceOptions(Options):
    """As for all; `stream=false` for a server that answers in one piece, which may take all of `timeout_s` to begin."""

    stream: bool = True
    temperature: float | None = Field(0.8, ge=0, le=2)
    top_p: float | None = Field(0.9, gt=0, le=1)


class HuggingFace(Remote):
    """Streams where the server does, else gives the answer in one piece."""

    options_type = HuggingFaceOptions
    options: HuggingFaceOptions
    template = transcript.TEMPLATE

    def __init__(self, *, alias: str, url: str, api_key: str = "", **options: object) -> None:
        super().__init__(alias=alias, url=url, api_key=api_key, **options)
        self.context_window -= transcript.FRAME_TOKENS
        self.streams = self.options.stream  # type: ignore[misc]  # here it is each server's own
        waits = patience(self.timeout_s)
        if not self.streams:
            waits = replace(waits, first_token_s=self.timeout_s)
        self._server = Server(self.at, api_key=api_key, patience=waits)
        self._counter = Counter(self._tokens, overhead=0, rest_s=ASK_AGAIN_S)
        path = urlsplit(self.at).path
        suffix = next((suffix for suffix in STREAM_SUFFIXES if path.endswith(suffix)), "")
        self._root = self.at.removesuffix(suffix)

    async def count(self, turns: Sequence[Turn]) -> list[int]:
        """Tokens of each turn with its label: the server's where it has /tokenize, else estimated."""
        return await self._counter.count([transcript.line(turn) for turn in turns])

    async def close(self) -> None:
        """Look no more; close the connections."""
        await super().close()
        await self._server.close()

    async def answer(self, turns: Sequence[Turn], sampling: Sampling) -> AsyncGenerator[Event, None]:
        """Answer the last turn, once the server has loaded the model. Raises GenerationError."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self.timeout_s
        while True:
            try:
                async with aclosing(bots_own(self._continue(transcript.prompt(turns), sampling))) as events:
                    async for event in events:
                        yield event
                    return
            except ModelLoading as error:
                wait_s = max(error.retry_after_s or 1.0, SHORTEST_WAIT_S)
                if loop.time() + wait_s > end:
                    raise
            detail = f"The model is being loaded at its server, which takes about {wait_s:.0f} s."
            self.become(State(condition=Condition.LOADING, detail=detail))
            await asyncio.sleep(wait_s)

    async def look(self) -> str:
        """Return what is wrong with the server now, or "". One without /health answers, too."""
        deadline = Deadline(quick(self._server.patience))
        try:
            async with self._server.request("GET", f"{self._root}/health", deadline):
                return ""
        except ResponseGarbled:
            return ""
        except RequestRejected as error:
            return error.detail if error.status in {401, 403} else ""
        except GenerationError as error:
            return error.detail

    async def _continue(self, prompt: str, sampling: Sampling) -> AsyncGenerator[Event, None]:
        """Continue `prompt`. Raises GenerationError."""
        deadline = Deadline(self._server.patience)
        payload = {"inputs": prompt, "parameters": _parameters(sampling), "stream": self.streams}
        async with self._server.request("POST", self.at, deadline, payload, last=True) as response:
            if "text/event-stream" not in response.headers.get("Content-Type", ""):
                for event in _one_piece(await self._server.body(response, deadline), prompt):
                    yield event
                return
            reading = _Reading()
            parser = Parser()
            async with aclosing(self._server.chunks(response, deadline)) as chunks:
                try:
                    async for chunk in chunks:
                        events = parser.feed(chunk)
                        if events:
                            deadline.heard()
                        text, fault = joined(events, reading.read)
                        if text:
                            yield Piece(text=text)
                        if fault is not None:
                            raise fault
                        if reading.finished is not None:
                            break
                except EventTooLong as error:
                    raise ResponseGarbled("The model's server sends an event of more than 1 MiB.") from error
        if reading.finished is None:
            raise StreamIncomplete("The model's server broke off in the middle of its answer.")
        yield reading.finished

    async def _tokens(self, text: str) -> int | None:
        """Return how many tokens `text` is, by the server's /tokenize. Raises GenerationError."""
        deadline = Deadline(quick(self._server.patience))
        async with self._server.request("POST", f"{self._root}/tokenize", deadline, {"inputs": text}) as response:
            body = await self._server.body(response, deadline)
        try:
            tokens = json.loads(body)
        except (ValueError, RecursionError):
            return None
        return len(tokens) if isinstance(tokens, list) else None


def _parameters(sampling: Sampling) -> dict[str, Any]:
    """Return the parameters of that name; the server refuses a temperature of 0 and a top_p of 1."""
    samples = bool(sampling.temperature)
    wishes = {
        "max_new_tokens": sampling.max_new_tokens,
        "do_sample": samples,
        "temperature": sampling.temperature if samples else None,
        "top_p": sampling.top_p if samples and sampling.top_p != 1 else None,
        "seed": sampling.seed,
        "stop": list(transcript.STOPS),
        "return_full_text": False,
    }
    return {name: value for name, value in wishes.items() if value is not None}


def _one_piece(body: bytes, prompt: str) -> list[Event]:
    """Return the events of `[{"generated_text": ...}]`. Raises GenerationError."""
    error = error_in(body)
    if error.get("message"):
        raise broken(error)
    try:
        answer = json.loads(body)
        text = (answer[0] if isinstance(answer, list) else answer)["generated_text"]
    except (ValueError, TypeError, KeyError, IndexError, RecursionError) as cause:
        raise ResponseGarbled("The model's server does not answer as text generation does.") from cause
    if not isinstance(text, str):
        raise ResponseGarbled("The model's server answers with text that is none.")
    # Some servers send the prompt back, whatever return_full_text says.
    return [Piece(text=Cleaner().clean(text.removeprefix(prompt))), Finished(reason="stop")]


@dataclass(slots=True)
class _Reading:
    """What the events of one reply have said so far."""

    finished: Finished | None = None
    chars: int = 0
    cleaner: Cleaner = field(default_factory=Cleaner)

    def read(self, sent: ServerSentEvent) -> str:
        """Take in one event; return the text in it. Raises GenerationError."""
        try:
            event = sent.json()
            if isinstance(event, dict) and event.get("error"):
                raise broken(error_in(sent.data))
            token = event["token"]
            text = "" if token.get("special") else self.cleaner.clean(token["text"])
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ResponseGarbled("The model's server sends events of an unknown form.") from error
        self.chars += len(text)
        if self.chars > MAX_TEXT_CHARS:
            raise ResponseGarbled("The model's answer has no end: more than 1 MiB.")
        if event.get("generated_text") is not None:
            self.finished = _finished(event.get("details") or {})
        return text


def _finished(details: Mapping[str, Any]) -> Finished:
    prompt_tokens, tokens = details.get("input_length"), details.get("generated_tokens")
    return Finished(
        reason="length" if details.get("finish_reason") == "length" else "stop",
        prompt_tokens=prompt_tokens if isinstance(prompt_tokens, int) else None,
        completion_tokens=tokens if isinstance(tokens, int) else None,
    )
