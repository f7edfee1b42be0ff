"""One reply from its turn to its end: a task that the process owns, and that no closed tab ends."""

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from chat import history, metrics, protocol, threads
from chat.admission import Lines, Place
from chat.delivery import Draft, delivery
from chat.generation import Generation, outcome_of
from chat.protocol import Message, Refused
from chat.relay import relay
from chat.replays import Replays
from gptj import generators

logger = logging.getLogger(__name__)

AGAIN_S = 1.0  # between two tries to store how a reply ended
DRAIN_S = 5.0  # for what is being stored, when the process goes down


@dataclass(slots=True, kw_only=True, eq=False)
class Running:
    """A reply that this process makes."""

    generation: Generation
    task: asyncio.Task[history.Outcome | None]
    lost: bool = False  # another process has it, or will: nothing is to be stored
    checkpointed: int = 0  # units of text in the database

    @property
    def key(self) -> UUID:
        """The reply's id."""
        return self.generation.reply.id

    @property
    def attempt(self) -> int:
        """Which attempt at it this is."""
        return self.generation.reply.attempt

    @property
    def draft(self) -> Draft:
        """Its text so far."""
        return self.generation.draft

    def lose(self) -> None:
        """End it, and store nothing."""
        self.lost = True
        self.task.cancel()


class Replies:
    """The replies of this process, and the lines at its models."""

    def __init__(self) -> None:
        self.owner = f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._running: dict[UUID, Running] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.lines = Lines(self._tell_places)
        self.replays = Replays(self.owner, self.lines)
        self._draining = False

    @property
    def maker(self) -> history.Maker:
        """Who makes replies here, with which models."""
        full = self.lines.full(generators[alias] for alias in generators)
        return history.Maker(owner=self.owner, aliases=frozenset(generators), full=full)

    def start(self, session: UUID, reply: Message, task: history.Task | None = None) -> None:
        """Make a reply that is queued under this process's name; from `task`, where that is known."""
        if self._draining:
            return
        if (before := self._running.get(reply.id)) is not None:
            before.lose()
        draft = delivery.open_draft(session, reply.id, reply.attempt)
        generation = Generation(session=session, reply=reply, draft=draft, lines=self.lines, task=task)
        running = Running(generation=generation, task=asyncio.create_task(generation.run()))
        self._running[reply.id] = running
        seeing = asyncio.create_task(self._see_through(running), name=f"reply {reply.id}")
        self._tasks.add(seeing)
        seeing.add_done_callback(self._tasks.discard)

    def stop(self, reply: UUID, attempt: int) -> bool:
        """End a reply now and keep what it has; False if it is not made here."""
        running = self._running.get(reply)
        if running is None or running.attempt != attempt:
            return False
        running.task.cancel()
        return True

    def stop_elsewhere(self, reply: UUID, attempt: int) -> None:
        """Nudge the process that makes a reply to look whether somebody wants it stopped."""
        relay.say("stop", str(reply), attempt)

    def listen(self) -> None:
        """Begin: hear the nudges of other processes."""
        self._draining = False
        metrics.MAKING.set_function(lambda: len(self._running))
        relay.on("stop", lambda reply, attempt: self.stop(UUID(reply), attempt))
        relay.on("place", lambda reply: self._tell_place(UUID(reply)))
        relay.on("abandon", lambda session: self._abandon_here(UUID(session)))

    def abandon(self, session: UUID) -> None:
        """End a deleted session's reply silently, whichever process makes it."""
        self._abandon_here(session)
        relay.say("abandon", str(session))

    def _abandon_here(self, session: UUID) -> None:
        for running in self._running.values():
            if running.generation.session == session:
                running.lose()

    def ask_place(self, reply: UUID) -> None:
        """Let the process that makes a reply tell where it stands."""
        relay.say("place", str(reply))

    def _tell_place(self, reply: UUID) -> None:
        place = self.lines.place(reply)
        if place is not None:
            self._tell_places([place])

    def tell_places(self) -> None:
        """Tell the tabs of everyone in line where they stand."""
        self._tell_places(self.lines.places)

    def _tell_places(self, places: Sequence[Place]) -> None:
        for place in places:
            running = self._running.get(place.reply)
            if running is not None:
                delivery.tell_session(running.generation.session, queue_frame(place))

    # --- While replies are made --------------------------------------------------------------------------------------

    async def pulse(self) -> None:
        """Renew the leases, and hear who wants to stop. Every second."""
        if not self._running:
            return
        for reply in await threads.write.together(history.renew, self.owner, list(self._running)):
            running = self._running.get(reply)
            if running is not None:
                running.task.cancel()

    async def checkpoint(self, least: int = 1) -> None:
        """Store, in one write, the texts so far of all replies that have `least` units more than is stored."""
        due = {running: running.draft.units for running in self._running.values()}
        due = {running: units for running, units in due.items() if units - running.checkpointed >= least}
        if not due:
            return
        over = await threads.write.together(history.checkpoint, _texts(due))
        for running, units in due.items():
            running.checkpointed = units
            if running.key in over and self._running.get(running.key) is running and not running.task.done():
                _log_refused(running)
                running.lose()

    async def take_over(self) -> None:
        """Take up the replies whose owner is lost."""
        for taken in await threads.write(history.take_over, self.owner):
            metrics.LEASES.inc()
            delivery.tell_session(taken.session, protocol.MessageChanged(message=taken.reply))
            if taken.reply.status == "queued":
                self.start(taken.session, taken.reply)

    async def drain(self) -> None:
        """Stop making replies, store what they have, and hand them on."""
        self._draining = True
        texts = _texts(self._running.values())
        for running in tuple(self._running.values()):
            running.lose()
        await self.replays.drain()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=DRAIN_S)
        await threads.write.together(history.checkpoint, texts)
        await threads.write(history.hand_on, self.owner)
        self.lines.clear()

    async def _see_through(self, running: Running) -> None:
        """Wait for a reply's end, store it and tell it."""
        await asyncio.wait([running.task])
        outcome = outcome_of(running.generation, running.task)
        try:
            if outcome is None:
                _log_refused(running)
            elif not running.lost:
                await self._store(running, outcome)
        except Exception:
            logger.exception("The end of a reply cannot be stored; its lease will run out")
        finally:
            delivery.close_draft(running.draft)
            if self._running.get(running.key) is running:
                del self._running[running.key]

    @staticmethod
    async def _store(running: Running, outcome: history.Outcome) -> None:
        """Store how a reply ended, however long the database takes to answer, and tell it."""
        session, said = running.generation.session, running.generation.said
        while True:
            try:
                ended = await threads.write.together(history.end, session, running.generation.reply, outcome, said)
            except Refused as error:
                logger.warning("The end of a reply cannot be stored yet: %s", error)
                await asyncio.sleep(AGAIN_S)
            else:
                break
        delivery.close_draft(running.draft)
        if ended is None:
            _log_refused(running)
        else:
            delivery.tell_session(session, protocol.MessageChanged(message=ended))
            _note(session, ended)


def _note(session: UUID, ended: Message) -> None:
    """Count and log how a reply ended; nothing of what it says."""
    model, code, usage = ended.model or "", ended.error.code if ended.error else "", ended.usage
    metrics.reply_ended(model, ended.status, error_code=code, usage=usage)
    figures = usage.model_dump(exclude_none=True) if usage else {}
    extra = {"session": str(session), "reply": str(ended.id), "model": model, "status": ended.status, **figures}
    logger.info("A reply ended", extra=extra | ({"error": code} if code else {}))


def _log_refused(running: Running) -> None:
    logger.warning("Reply %s is no longer this process's: attempt %d is over", running.key, running.attempt)


def _texts(replies: Iterable[Running]) -> dict[UUID, tuple[int, str]]:
    """Return the attempts and texts so far, by reply."""
    return {running.key: (running.attempt, running.draft.text) for running in replies}


def queue_frame(place: Place) -> protocol.Queue:
    """Return a place in line as its frame."""
    return protocol.Queue(message=place.reply, position=place.position, eta_s=place.eta_s)


replies = Replies()
