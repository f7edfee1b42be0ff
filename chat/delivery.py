"""Who hears about a session: the sockets of this process at once, other processes by the relay.

A reply's text is gathered and told at most 25 times a second, a frame encoded once for all tabs. One timer serves all
replies, and runs only while there is something to tell.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from time import monotonic
from typing import Any, Protocol
from uuid import UUID

from chat import history, protocol
from chat.protocol import Close, Message, ServerFrame, utf16_length
from chat.relay import relay

GATHER_S = 0.04  # between two deltas of a reply
ANSWER_S = 0.2  # for the process that makes a reply to say its text so far


class Socket(Protocol):
    """A tab that listens: both calls return at once.

    `group` is what its address counts as, None if not limited. `alive` says whether it was heard of lately.
    """

    session: UUID
    visitor: UUID
    group: str | None

    @property
    def alive(self) -> bool:
        """Whether it was heard of lately."""

    def deliver(self, frame: str) -> None:
        """Send an encoded frame after those before it."""

    def end(self, code: Close) -> None:
        """Close the connection after what was delivered."""


class Draft:
    """A reply's text while it is written, here."""

    def __init__(self, session: UUID, message: UUID, attempt: int) -> None:
        self.session = session
        self.message = message
        self.attempt = attempt
        self.text = ""
        self.units = 0  # UTF-16 code units in `text`
        self.told_at = 0.0  # when some of it was last told
        self._told = 0  # units that have been told
        self._untold: list[str] = []
        self._encode = protocol.deltas(message, attempt)

    def add(self, piece: str) -> None:
        """Append a piece of text."""
        self.text += piece
        self.units += utf16_length(piece)
        self._untold.append(piece)

    def take(self) -> str:
        """Return what has gathered since the last time as a frame; "" if nothing has."""
        if not self._untold:
            return ""
        frame = self._encode(self._told, "".join(self._untold))
        self._untold.clear()
        self._told = self.units
        return frame


class Delivery:
    """Sockets by session and visitor, and the drafts whose text has not all been told."""

    def __init__(self) -> None:
        self._by_session: dict[UUID, set[Socket]] = defaultdict(set)
        self._by_visitor: dict[UUID, set[Socket]] = defaultdict(set)
        self._by_group: dict[str | None, set[Socket]] = defaultdict(set)
        self._drafts: dict[UUID, Draft] = {}
        self._gathering: set[Draft] = set()
        self._asked: dict[UUID, list[asyncio.Future[tuple[int, str]]]] = defaultdict(list)
        self._timer: asyncio.TimerHandle | None = None
        self._last = 0.0

    def join(self, socket: Socket) -> None:
        """Let a socket hear from now on."""
        for sockets, key in self._places_of(socket):
            sockets[key].add(socket)
        relay.show(socket.session, socket.visitor)

    def leave(self, socket: Socket) -> None:
        """Let a socket hear no more."""
        for sockets, key in self._places_of(socket):
            sockets[key].discard(socket)
            if not sockets[key]:
                del sockets[key]
        if socket.session not in self._by_session:
            relay.hide(socket.session)
        if socket.visitor not in self._by_visitor:
            relay.hide(socket.visitor)

    def _places_of(self, socket: Socket) -> tuple[tuple[dict[Any, set[Socket]], object], ...]:
        return (
            (self._by_session, socket.session),
            (self._by_visitor, socket.visitor),
            (self._by_group, socket.group),
        )

    @property
    def sockets(self) -> int:
        """How many sockets hear."""
        return sum(len(sockets) for sockets in self._by_group.values())

    def listening(self, session: UUID) -> int:
        """Return how many living sockets hear of a session; those of a lost line are not counted while they linger."""
        return sum(socket.alive for socket in self._by_session.get(session, ()))

    def connected(self, group: str) -> int:
        """Return how many sockets come from a group of addresses."""
        return sum(socket.alive for socket in self._by_group.get(group, ()))

    def tell_session(self, session: UUID, frame: ServerFrame) -> None:
        """Tell every tab that shows a session."""
        self._tell(self._by_session.get(session, ()), frame, "session", session)

    def tell_visitor(self, visitor: UUID, frame: ServerFrame) -> None:
        """Tell every tab of a visitor, whichever session it shows."""
        self._tell(self._by_visitor.get(visitor, ()), frame, "visitor", visitor)

    def tell_all(self, frame: ServerFrame) -> None:
        """Tell every tab of this process."""
        text = frame.encode()
        for socket in self._sockets():
            socket.deliver(text)

    def tell_deleted(self, deleted: history.Deleted) -> None:
        """Tell a visitor's tabs which sessions are gone, and close those that show one."""
        for session in deleted.sessions:
            self.tell_visitor(deleted.visitor, protocol.Gone(session=session))
            self._end(session)
            relay.say("end", str(session))

    def block(self, visitor: UUID) -> None:
        """Tell a visitor's tabs that they have been blocked, and close them."""
        self._block(visitor)
        relay.say("block", str(visitor))

    def tell_change(self, visitor: UUID, session: UUID, change: history.Change) -> None:
        """Tell what a committed write did."""
        for message in change.messages:
            self.tell_session(session, protocol.MessageChanged(message=message))
        if change.session is not None:
            self.tell_visitor(visitor, protocol.SessionChanged(session=change.session))

    def end_all(self, code: Close, last: ServerFrame) -> None:
        """Say one last thing to every tab and close it."""
        for socket in self._sockets():
            socket.deliver(last.encode())
            socket.end(code)

    def close(self) -> None:
        """Tell nothing more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._gathering.clear()
        self._drafts.clear()

    def _sockets(self) -> list[Socket]:
        return [socket for sockets in self._by_visitor.values() for socket in sockets]

    @staticmethod
    def _tell(sockets: Iterable[Socket], frame: ServerFrame, whose: str, key: UUID) -> None:
        """Encode once, and only if somebody hears."""
        heard_here = tuple(sockets)
        if heard_here or relay.active:
            _pass(heard_here, frame.encode(), whose, key)

    def _end(self, session: UUID) -> None:
        for socket in tuple(self._by_session.get(session, ())):
            socket.end(Close.DELETED)

    def _block(self, visitor: UUID) -> None:
        refused = history.blocked()
        text = protocol.Error(code=refused.code, detail=refused.detail).encode()
        for socket in tuple(self._by_visitor.get(visitor, ())):
            socket.deliver(text)
            socket.end(Close.NO_RIGHT)

    # --- What other processes say ------------------------------------------------------------------------------------

    def listen(self) -> None:
        """Pass on what other processes tell."""
        relay.on("session", lambda key, text: self._pass_on(self._by_session, key, text))
        relay.on("visitor", lambda key, text: self._pass_on(self._by_visitor, key, text))
        relay.on("end", lambda key: self._end(UUID(key)))
        relay.on("block", lambda key: self._block(UUID(key)))
        relay.on("ask", self._answer)
        relay.on("draft", self._hear_draft)

    @staticmethod
    def _pass_on(sockets: Mapping[UUID, set[Socket]], key: str, text: str) -> None:
        for socket in tuple(sockets.get(UUID(key), ())):
            socket.deliver(text)

    # --- Drafts ------------------------------------------------------------------------------------------------------

    def open_draft(self, session: UUID, message: UUID, attempt: int) -> Draft:
        """Begin a reply's text."""
        draft = self._drafts[message] = Draft(session, message, attempt)
        return draft

    def wrote(self, draft: Draft) -> None:
        """Tell that a draft has more text: at once if it was told long ago, else soon."""
        now = monotonic()
        if now - draft.told_at >= GATHER_S:
            draft.told_at = now
            self._tell_draft(draft)
            return
        self._gathering.add(draft)
        if self._timer is None:
            wait_s = max(draft.told_at, self._last) + GATHER_S - now
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._tell_gathered)

    def _tell_gathered(self) -> None:
        self._timer = None
        self._last = monotonic()
        gathered, self._gathering = self._gathering, set()
        for draft in gathered:
            draft.told_at = self._last
            self._tell_draft(draft)

    def _tell_draft(self, draft: Draft) -> None:
        frame = draft.take()
        if frame:
            _pass(tuple(self._by_session.get(draft.session, ())), frame, "session", draft.session)

    def close_draft(self, draft: Draft) -> None:
        """Tell the rest of a draft; from now on the database has the text."""
        self._gathering.discard(draft)
        self._tell_draft(draft)
        if self._drafts.get(draft.message) is draft:
            del self._drafts[draft.message]

    async def with_drafts(self, messages: Sequence[Message]) -> list[Message]:
        """Return messages with the text so far of those in the making: from here, else from the process that makes it.

        Where none answers in time, the text is what the cache or the last checkpoint has.
        """
        return [
            message if message.status != "streaming" else _longer(message, *await self._text_so_far(message.id))
            for message in messages
        ]

    async def _text_so_far(self, message: UUID) -> tuple[int, str]:
        """Return the attempt that is made and its text; attempt 0 if nobody says."""
        if (draft := self._drafts.get(message)) is not None:
            return draft.attempt, draft.text
        if not relay.active:
            return 0, ""
        answer: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()
        self._asked[message].append(answer)
        relay.say("ask", str(message))
        try:
            async with asyncio.timeout(ANSWER_S):
                return await answer
        except TimeoutError:
            return 0, ""
        finally:
            self._asked[message].remove(answer)
            if not self._asked[message]:
                del self._asked[message]

    def _answer(self, message: str) -> None:
        if (draft := self._drafts.get(UUID(message))) is not None:
            relay.say("draft", message, draft.attempt, draft.text)

    def _hear_draft(self, message: str, attempt: int, text: str) -> None:
        for answer in self._asked.get(UUID(message), ()):
            if not answer.done():
                answer.set_result((attempt, text))


def _pass(sockets: tuple[Socket, ...], frame: str, whose: str, key: UUID) -> None:
    """Tell these sockets, and the processes that show the same."""
    for socket in sockets:
        socket.deliver(frame)
    relay.tell(whose, key, frame)


def _longer(message: Message, attempt: int, text: str) -> Message:
    """Return a reply with `text` if that is more of the same attempt."""
    if attempt != message.attempt or len(text) <= len(message.text):
        return message
    return message.model_copy(update={"text": text})


delivery = Delivery()
