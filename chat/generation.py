"""One reply's making: its turn at a model, what that is shown, and what it writes."""

import abc
import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from time import monotonic
from uuid import UUID

from django.conf import settings

from chat import history, metrics, protocol, threads
from chat.admission import Lines
from chat.delivery import Draft, delivery
from chat.memory import PromptTooLong, Said, Window, fit
from chat.models import MODEL_NAME_LENGTH, Finish, Status
from chat.protocol import Code, Message, Refused, utf16_length
from gptj import Backend, Condition, Event, Finished, Piece, Sampling, Turn, generators
from gptj.exceptions import (
    BackendTimeout,
    BackendUnreachable,
    ContextTooLong,
    GenerationError,
    ResponseGarbled,
)

logger = logging.getLogger(__name__)

LOADING_S = 120  # a reply waits this long for its model to load
# What a model may write but no page should show: control characters but tab and line feed, and lone surrogates.
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


@dataclass(slots=True, kw_only=True, eq=False)
class Making(abc.ABC):
    """One attempt at something that a model writes. `said` is what the model was shown of the conversation."""

    draft: Draft
    lines: Lines
    task: history.Task | None = None  # where it is known; else it is read
    said: Sequence[Said] = ()
    began: float = field(default_factory=monotonic)
    queued_ms: int | None = None
    first_token_ms: int | None = None

    @abc.abstractmethod
    async def run(self) -> history.Outcome | None:
        """Make it; None if another process has taken it up. Raises GenerationError, and Refused."""

    @abc.abstractmethod
    async def find_task(self) -> history.Task | None:
        """Return what it is to be made from; None if this attempt is over."""

    @abc.abstractmethod
    async def begin(self, shown: history.Shown, queued_ms: int) -> bool:
        """Store and tell that the model is shown this now; False if this attempt is over."""

    @abc.abstractmethod
    def wrote(self) -> None:
        """Tell that there is more text."""

    def ended(self, status: Status, **more: str) -> history.Outcome:
        """Return the reply's end as it is now."""
        usage = {
            "queued_ms": self.queued_ms,
            "first_token_ms": self.first_token_ms,
            "total_ms": self._ms(),
        }
        return history.Outcome(text=self.draft.text, status=status, usage=usage, **more)

    def _ms(self) -> int:
        return round((monotonic() - self.began) * 1000)

    async def ask(self, backend: Backend) -> history.Outcome | None:
        """Wait for a turn, show the model the conversation, and write down what it says."""
        async with self.lines.at(backend).turn(self.draft.message):
            task = self.task or await self.find_task()
            if task is None:
                return None
            self.said = task.said
            await self._loaded(backend)
            turns, window, tokens = await _shown(backend, task)
            self.said = window.said
            self.queued_ms = self._ms()
            shown = history.Shown(
                model=backend.alias,
                first=window.said[0].id,
                tokens=tokens,
                window=backend.context_window,
                template=backend.template,
            )
            begun = asyncio.create_task(self.begin(shown, self.queued_ms))
            begun.add_done_callback(lambda _: begun.cancelled() or begun.exception())  # or asyncio says that none asked
            try:
                return await self._write(backend.stream(turns, Sampling(**task.sampling.model_dump())), begun)
            except GenerationError:
                if await begun:
                    raise
                return None
            finally:
                begun.cancel()

    async def _loaded(self, backend: Backend) -> None:
        """Wait while the model loads; a model that cannot be had says so when it is asked."""
        try:
            async with asyncio.timeout(LOADING_S):
                while backend.state.condition == Condition.LOADING:
                    await self.lines.model_change()
        except TimeoutError as error:
            raise BackendTimeout(f"The model has not loaded within {LOADING_S} s.") from error

    async def _write(self, stream: AsyncGenerator[Event, None], begun: Awaitable[bool]) -> history.Outcome | None:
        """Write down what the model says, once it is stored that it is asked; it is asked meanwhile."""
        stored, cap = False, settings.LIMITS["reply"]
        async with aclosing(stream) as events:
            async for event in events:
                stored = stored or await begun
                if not stored:
                    return None
                match event:
                    case Piece(text=text):
                        if self.first_token_ms is None:
                            self.first_token_ms = self._ms()
                        if not _add(self.draft, text, cap):
                            return self.ended(Status.COMPLETE, finish=Finish.CAP)
                        self.wrote()
                    case Finished() as finished:
                        return self._finished(finished)
        raise RuntimeError("A backend ended its stream without saying why.")

    def _finished(self, finished: Finished) -> history.Outcome:
        if not self.draft.text.strip():
            raise ResponseGarbled("The model wrote nothing.")
        outcome = self.ended(Status.COMPLETE, finish=finished.reason)
        outcome.model_name = protocol.written(finished.model or "")[:MODEL_NAME_LENGTH]
        outcome.usage["prompt_tokens"] = _count(finished.prompt_tokens)
        outcome.usage["completion_tokens"] = _count(finished.completion_tokens)
        return outcome


@dataclass(slots=True, kw_only=True, eq=False)
class Generation(Making):
    """One attempt at a reply."""

    session: UUID
    reply: Message

    async def run(self) -> history.Outcome | None:
        """Make the reply; None if another process has taken it up. Raises GenerationError, and Refused.

        Where a model cannot be reached and nothing was heard of it, the next one that may answer is asked.
        """
        *others, last = generators.candidates(self.reply.model or "")
        for backend in others:
            try:
                return await self.ask(backend)
            except (BackendUnreachable, BackendTimeout) as error:
                if self.draft.units:
                    raise
                metrics.MODEL_ERRORS.labels(backend.alias, error.code).inc()
        return await self.ask(last)

    async def find_task(self) -> history.Task | None:
        """Return what it is to be made from; None if this attempt is over."""
        return await threads.read(history.task, self.reply.id, self.reply.attempt)

    async def begin(self, shown: history.Shown, queued_ms: int) -> bool:
        """Store and tell that the model is shown this now; False if this attempt is over."""
        begun = await threads.write.together(history.begin, self.session, self.reply, shown, queued_ms=queued_ms)
        if begun is None:
            return False
        self.reply = begun
        delivery.tell_session(self.session, protocol.MessageChanged(message=begun))
        return True

    def wrote(self) -> None:
        """Tell that there is more text."""
        delivery.wrote(self.draft)


def outcome_of(generation: Making, task: asyncio.Task[history.Outcome | None]) -> history.Outcome | None:
    """Return how a generation whose task is over ended; None if it never was this process's to end."""
    if task.cancelled():
        return generation.ended(Status.STOPPED)
    error = task.exception()
    if error is None:
        return task.result()
    if isinstance(error, (GenerationError, Refused)):
        return generation.ended(Status.FAILED, error_code=error.code, error_detail=protocol.written(error.detail))
    logger.error("A reply failed", exc_info=error)
    detail = "Something went wrong here; the log says what."
    return generation.ended(Status.FAILED, error_code=Code.INTERNAL, error_detail=detail)


async def _shown(backend: Backend, task: history.Task) -> tuple[list[Turn], Window, int]:
    """Choose what the model is shown: the turns, the window they came from, and their tokens in all."""
    system = [Turn(role="system", text=task.system_prompt)] if task.system_prompt else []
    turns = [Turn(role=said.role, text=said.text) for said in task.said]
    costs = await backend.count([*system, *turns])
    above = sum(costs[: len(system)])
    reserved = min(task.sampling.max_new_tokens or backend.max_new_tokens, backend.context_window // 2)
    budget_tokens = backend.context_window - reserved - above
    if budget_tokens <= 0:
        raise ContextTooLong(f"The system prompt is {above} tokens long, which leaves no room for a message.")
    try:
        window = fit(task.said, costs[len(system) :], budget_tokens=budget_tokens)
    except PromptTooLong as error:
        raise ContextTooLong(str(error)) from error
    return [*system, *turns[len(turns) - len(window.said) :]], window, above + window.tokens


def _add(draft: Draft, piece: str, cap: int) -> bool:
    """Append what a model wrote; False once the reply is as long as it may be."""
    text = piece if piece.isprintable() else UNPRINTABLE.sub("", piece)
    room = cap - draft.units
    if utf16_length(text) <= room:
        draft.add(text)
        return True
    kept = text.encode("utf-16-le")[: room * 2].decode("utf-16-le", "ignore")
    draft.add(kept)
    return False


def _count(tokens: int | None) -> int | None:
    """Return a count that a server named, if it can be one."""
    return tokens if tokens is not None and 0 <= tokens < 2**31 else None
