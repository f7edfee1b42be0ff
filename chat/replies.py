"""One reply from its turn to its end: a task that the process owns, and that no closed tab ends."""

import asyncio
import logging
import os
import re
import secrets
import socket
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from time import monotonic
from uuid import UUID

from django.conf import settings

from chat import history, protocol, threads
from chat.admission import Line, Place
from chat.delivery import Draft, delivery
from chat.memory import PromptTooLong, Said, Window, fit
from chat.models import MODEL_NAME_LENGTH, Finish, Status
from chat.protocol import Code, Message, Refused, utf16_length
from chat.relay import relay
from gptj import Backend, Condition, Finished, Piece, Sampling, Turn, generators
from gptj.exceptions import BackendTimeout, ContextTooLong, GenerationError, ResponseGarbled

logger = logging.getLogger(__name__)

LOADING_S = 120  # a reply waits this long for its model to load
AGAIN_S = 1.0  # between two tries to store how a reply ended
# What a model may write but no page should show: control characters but tab and line feed, and lone surrogates.
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


@dataclass(slots=True, kw_only=True)
class Running:
    """A reply that this process makes."""

    session: UUID
    reply: Message
    draft: Draft
    said: Sequence[Said] = ()
    began: float = field(default_factory=monotonic)
    queued_ms: int | None = None
    first_token_ms: int | None = None
    generation: asyncio.Task[history.Outcome | None] | None = None
    lost: bool = False  # another process has it, or will: nothing is to be stored
    checkpointed: int = 0  # units of text in the database


class Replies:
    """The replies of this process, and the lines at its models."""

    def __init__(self) -> None:
        self.owner = f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._running: dict[UUID, Running] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._lines: dict[str, Line] = {}
        self._model_changed = asyncio.Event()
        self._draining = False

    @property
    def maker(self) -> history.Maker:
        """Who makes replies here, with which models."""
        full = frozenset(alias for alias, line in self._lines.items() if line.full)
        return history.Maker(owner=self.owner, aliases=frozenset(generators), full=full)

    def start(self, session: UUID, reply: Message) -> None:
        """Make a reply that is queued under this process's name."""
        if self._draining:
            return
        if (before := self._running.get(reply.id)) is not None:
            self._lose(before)
        draft = delivery.open_draft(session, reply.id, reply.attempt)
        running = Running(session=session, reply=reply, draft=draft)
        self._running[reply.id] = running
        running.generation = asyncio.create_task(self._generate(running), name=f"generate {reply.id}")
        task = asyncio.create_task(self._see_through(running), name=f"reply {reply.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop(self, reply: UUID, attempt: int) -> bool:
        """End a reply now and keep what it has; False if it is not made here."""
        running = self._running.get(reply)
        if running is None or running.reply.attempt != attempt or running.generation is None:
            return False
        running.generation.cancel()
        return True

    def stop_elsewhere(self, reply: UUID, attempt: int) -> None:
        """Nudge the process that makes a reply to look whether somebody wants it stopped."""
        relay.say("stop", str(reply), attempt)

    def listen(self) -> None:
        """Hear the nudges of other processes."""
        relay.on("stop", lambda reply, attempt: self.stop(UUID(reply), attempt))
        relay.on("abandon", lambda session: self._abandon_here(UUID(session)))

    def abandon(self, session: UUID) -> None:
        """End a deleted session's reply silently, whichever process makes it."""
        self._abandon_here(session)
        relay.say("abandon", str(session))

    def _abandon_here(self, session: UUID) -> None:
        for running in self._running.values():
            if running.session == session:
                self._lose(running)

    def place(self, reply: UUID) -> Place | None:
        """Return where a reply stands in line, if it does."""
        running = self._running.get(reply)
        line = self._lines.get(running.reply.model or "") if running else None
        return next((place for place in line.places() if place.reply == reply), None) if line else None

    @property
    def places(self) -> list[Place]:
        """Return everyone who is in line, at every model."""
        return [place for line in self._lines.values() for place in line.places()]

    def model_changed(self) -> None:
        """Let those who wait for a model look again."""
        self._model_changed.set()
        self._model_changed = asyncio.Event()

    def tell_places(self, places: Sequence[Place]) -> None:
        """Tell the tabs of those in line where they stand."""
        for place in places:
            running = self._running.get(place.reply)
            if running is not None:
                delivery.tell_session(running.session, queue_frame(place))

    # --- While replies are made --------------------------------------------------------------------------------------

    async def pulse(self) -> None:
        """Renew the leases, store the texts so far, and hear who wants to stop. Every second."""
        for reply in await threads.write(history.renew, self.owner, list(self._running)):
            running = self._running.get(reply)
            if running is not None:
                self.stop(reply, running.reply.attempt)
        due = [running for running in self._running.values() if running.draft.units > running.checkpointed]
        if not due:
            return
        texts = {running.reply.id: (running.reply.attempt, running.draft.text) for running in due}
        units = {running.reply.id: running.draft.units for running in due}
        over = await threads.write(history.checkpoint, texts)
        for running in due:
            running.checkpointed = units[running.reply.id]
            if running.reply.id in over and running.reply.id in self._running:
                self._lose(running)

    async def take_over(self) -> None:
        """Take up the replies whose owner is lost."""
        for taken in await threads.write(history.take_over, self.owner):
            delivery.tell_session(taken.session, protocol.MessageChanged(message=taken.reply))
            if taken.reply.status == "queued":
                self.start(taken.session, taken.reply)

    async def drain(self) -> None:
        """Stop making replies, store what they have, and hand them on."""
        self._draining = True
        texts = {running.reply.id: (running.reply.attempt, running.draft.text) for running in self._running.values()}
        for running in tuple(self._running.values()):
            self._lose(running)
        if self._tasks:
            await asyncio.wait(self._tasks)
        await threads.write(history.checkpoint, texts)
        await threads.write(history.hand_on, self.owner)
        self._lines.clear()
        self._draining = False

    def _lose(self, running: Running) -> None:
        running.lost = True
        if running.generation is not None:
            running.generation.cancel()

    async def _see_through(self, running: Running) -> None:
        """Wait for a reply's end, store it and tell it."""
        assert running.generation is not None  # noqa: S101 (for the type checker: `start` sets it)
        await asyncio.wait([running.generation])
        outcome = self._outcome(running)
        try:
            if outcome is not None and not running.lost:
                await self._store(running, outcome)
        except Exception:
            logger.exception("The end of a reply cannot be stored; its lease will run out")
        finally:
            delivery.close_draft(running.draft)
            if self._running.get(running.reply.id) is running:
                del self._running[running.reply.id]

    def _outcome(self, running: Running) -> history.Outcome | None:
        """Return how the generation ended; None if it never was this process's to end."""
        generation = running.generation
        assert generation is not None  # noqa: S101 (for the type checker: `start` sets it)
        if generation.cancelled():
            return self._ended(running, Status.STOPPED)
        error = generation.exception()
        if error is None:
            return generation.result()
        if isinstance(error, (GenerationError, Refused)):
            detail = protocol.written(error.detail)
            return self._ended(running, Status.FAILED, error_code=error.code, error_detail=detail)
        logger.error("A reply failed", exc_info=error)
        detail = "Something went wrong here; the log says what."
        return self._ended(running, Status.FAILED, error_code=Code.INTERNAL, error_detail=detail)

    async def _store(self, running: Running, outcome: history.Outcome) -> None:
        """Store how a reply ended, however long the database takes to answer, and tell it."""
        while True:
            try:
                ended = await threads.write(
                    history.end, running.session, running.reply.id, running.reply.attempt, outcome, running.said
                )
            except Refused as error:
                logger.warning("The end of a reply cannot be stored yet: %s", error)
                await asyncio.sleep(AGAIN_S)
            else:
                break
        delivery.close_draft(running.draft)
        if ended is not None:
            delivery.tell_session(running.session, protocol.MessageChanged(message=ended))

    @staticmethod
    def _ended(running: Running, status: Status, **more: str) -> history.Outcome:
        usage = {
            "queued_ms": running.queued_ms,
            "first_token_ms": running.first_token_ms,
            "total_ms": _ms_since(running.began),
        }
        return history.Outcome(text=running.draft.text, status=status, usage=usage, **more)

    # --- Generation --------------------------------------------------------------------------------------------------

    async def _generate(self, running: Running) -> history.Outcome | None:
        """Wait for a turn, show the model the conversation, and write down what it says."""
        reply = running.reply
        backend = generators[reply.model or ""]
        async with self._line(backend).turn(reply.id):
            task = await threads.read(history.task, reply.id, reply.attempt)
            if task is None:
                return None
            running.said = task.said
            await self._loaded(backend)
            turns, window, tokens = await _shown(backend, task)
            running.said = window.said
            running.queued_ms = _ms_since(running.began)
            shown = history.Shown(
                first=window.said[0].id, tokens=tokens, window=backend.context_window, template=backend.template
            )
            begun = await threads.write(
                history.begin, running.session, reply.id, reply.attempt, shown, queued_ms=running.queued_ms
            )
            if begun is None:
                return None
            delivery.tell_session(running.session, protocol.MessageChanged(message=begun))
            return await self._write(running, backend, turns, Sampling(**task.sampling.model_dump()))

    async def _write(
        self, running: Running, backend: Backend, turns: Sequence[Turn], sampling: Sampling
    ) -> history.Outcome:
        draft = running.draft
        async with aclosing(backend.stream(turns, sampling)) as events:
            async for event in events:
                match event:
                    case Piece(text=text):
                        if running.first_token_ms is None:
                            running.first_token_ms = _ms_since(running.began)
                        if not _add(draft, text, settings.LIMITS["reply"]):
                            return self._ended(running, Status.COMPLETE, finish=Finish.CAP)
                        delivery.wrote(draft)
                    case Finished() as finished:
                        if not draft.text.strip():
                            raise ResponseGarbled("The model wrote nothing.")
                        outcome = self._ended(running, Status.COMPLETE, finish=finished.reason)
                        outcome.model_name = protocol.written(finished.model or "")[:MODEL_NAME_LENGTH]
                        outcome.usage["prompt_tokens"] = _count(finished.prompt_tokens)
                        outcome.usage["completion_tokens"] = _count(finished.completion_tokens)
                        return outcome
        raise RuntimeError("A backend ended its stream without saying why.")

    def _line(self, backend: Backend) -> Line:
        line = self._lines.get(backend.alias)
        if line is None:
            line = self._lines[backend.alias] = Line(backend.concurrency, self.tell_places)
        return line

    async def _loaded(self, backend: Backend) -> None:
        """Wait while the model loads; a model that cannot be had says so when it is asked."""
        try:
            async with asyncio.timeout(LOADING_S):
                while backend.state.condition == Condition.LOADING:
                    await self._model_changed.wait()
        except TimeoutError as error:
            raise BackendTimeout(f"The model has not loaded within {LOADING_S} s.") from error


async def _shown(backend: Backend, task: history.Task) -> tuple[list[Turn], Window, int]:
    """Choose what the model is shown: the turns, the window they came from, and their tokens in all."""
    system = [Turn(role="system", text=task.system_prompt)] if task.system_prompt else []
    turns = [Turn(role=said.role, text=said.text) for said in task.said]
    costs = await backend.count([*system, *turns])
    above = sum(costs[: len(system)])
    reserved = min(task.sampling.max_new_tokens or backend.max_new_tokens, backend.context_window // 2)
    try:
        window = fit(task.said, costs[len(system) :], budget_tokens=backend.context_window - reserved - above)
    except PromptTooLong as error:
        raise ContextTooLong(str(error)) from error
    return [*system, *turns[len(turns) - len(window.said) :]], window, above + window.tokens


def _add(draft: Draft, piece: str, cap: int) -> bool:
    """Append what a model wrote; False once the reply is as long as it may be."""
    text = UNPRINTABLE.sub("", piece)
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


def _ms_since(began: float) -> int:
    return round((monotonic() - began) * 1000)


def queue_frame(place: Place) -> protocol.Queue:
    """Return a place in line as its frame."""
    return protocol.Queue(message=place.reply, position=place.position, eta_s=place.eta_s)


replies = Replies()
