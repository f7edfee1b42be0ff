"""What models on this machine have in common: a child process that serves one, spoken to over loopback."""

import abc
import asyncio
import contextlib
import secrets
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from gptj.backends.base import Backend
from gptj.backends.child import Supervisor
from gptj.backends.completions import Completions
from gptj.backends.http import Server, patience
from gptj.exceptions import BackendTimeout, GenerationError, NotLoaded
from gptj.resilience import Breaker, guarded, persistently
from gptj.values import Condition, Event, Sampling, State, Turn


class Local(Backend):
    """A model whose child process speaks the OpenAI API with a key that it is told at its start."""

    program: ClassVar[Path]  # what the child runs

    def __init__(self, *, alias: str, url: str, api_key: str = "", path: Path, file: Path, **options: object) -> None:
        """`path`: the model; `file`: where most of it is."""
        super().__init__(alias=alias, url=url, api_key=api_key, **options)
        self.path = path
        # Reading a long prompt may take most of the time; a child that hangs is told apart in another way.
        patient = replace(patience(self.timeout_s), first_token_s=self.timeout_s)
        self._server = Server("", patience=patient)
        self._client = Completions(self._server)
        self._breaker = Breaker(self._learn)
        self._serves = False  # the child does
        self._supervisor = Supervisor(
            self.program, self._told, loading=self._loading, ready=self._ready, down=self._down, file=file
        )
        self._loading(None)

    @abc.abstractmethod
    def config(self) -> Mapping[str, Any]:
        """Return what a new child is told."""

    @abc.abstractmethod
    def answer(self, turns: Sequence[Turn], sampling: Sampling) -> AsyncGenerator[Event, None]:
        """Answer the last turn, in one attempt. Raises GenerationError."""

    @property
    def pid(self) -> int | None:
        """The child's process id while it lives."""
        return self._supervisor.pid

    async def stream(self, turns: Sequence[Turn], sampling: Sampling) -> AsyncGenerator[Event, None]:
        """Answer the last turn, once the model is loaded. Raises GenerationError."""
        await self.start()
        own = self.own(sampling)
        try:
            async with aclosing(guarded(self._breaker, persistently(lambda: self._answer(turns, own)))) as events:
                async for event in events:
                    yield event
        except BackendTimeout:
            await self._end_if_it_hangs()
            raise

    async def start(self) -> None:
        """Begin to load the model; returns at once."""
        self._supervisor.start()

    async def close(self) -> None:
        """End the child."""
        await asyncio.to_thread(self._supervisor.close)
        await self._server.close()

    async def tokens(self, text: str) -> int | None:
        """Return how many tokens `text` is, or None if the model is not loaded."""
        if self.state.condition is Condition.OK:
            with contextlib.suppress(GenerationError):
                return await self._client.tokens(text)
        return None

    async def _answer(self, turns: Sequence[Turn], sampling: Sampling) -> AsyncGenerator[Event, None]:
        await self._loaded()
        async with aclosing(self.answer(turns, sampling)) as events:
            async for event in events:
                yield event

    async def _loaded(self) -> None:
        """Wait for the model. Raises NotLoaded if it cannot be loaded, BackendTimeout if it is not in time."""
        if self._serves:
            return
        try:
            async with asyncio.timeout(self.timeout_s):
                state = await self.settled()
        except TimeoutError as error:
            raise BackendTimeout("The model is still loading.") from error
        if state.condition is not Condition.OK:
            raise NotLoaded(state.detail)

    async def _end_if_it_hangs(self) -> None:
        """End a child that does not even list its models: a new one is started."""
        try:
            await self._client.models()
        except GenerationError:
            self._supervisor.kill()

    def _told(self) -> Mapping[str, Any]:
        """Return what a new child is told; its key is new each time, and known to nobody else."""
        self._server.api_key = secrets.token_urlsafe(32)
        return {**self.config(), "path": str(self.path), "api_key": self._server.api_key}

    def _learn(self, wrong: str) -> None:
        """Take on that calls of a child that serves fail one after the other, or do so no more."""
        if self._serves:
            failing = State(condition=Condition.DOWN, detail=wrong)
            self.become(failing if self._breaker.open else State(condition=Condition.OK))

    def _loading(self, progress: float | None) -> None:
        self._serves = False
        self.become(State(condition=Condition.LOADING, progress=progress, detail="The model is being loaded."))

    def _ready(self, port: int) -> None:
        self._server.url = f"http://127.0.0.1:{port}/v1"
        self._serves = True
        self.become(State(condition=Condition.OK))

    def _down(self, reason: str) -> None:
        self._serves = False
        self.become(State(condition=Condition.DOWN, detail=reason))
