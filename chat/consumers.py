"""One browser tab: frames in, frames out. What it starts does not end with it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from time import monotonic
from typing import Any
from uuid import UUID

from channels.consumer import get_handler_name
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from chat import catalogue, door, feed, history, logs, metrics, protocol, threads
from chat.census import census
from chat.delivery import delivery
from chat.limits import address_group, allowance, checked_text
from chat.outbox import Outbox
from chat.process import COME_BACK_S, process
from chat.protocol import Close, Code, Refused
from chat.replies import replies

logger = logging.getLogger(__name__)

ALIVE_S = 35  # a client that has said nothing for longer has lost its line
FRAMES_S = 10  # the window in which a socket's frames are counted

Turn = protocol.Send | protocol.Edit | protocol.Regenerate | protocol.Retry


class ChatConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels is not typed
    """A socket on one chat session. Each frame's handler returns at once; replies are made elsewhere."""

    session: UUID
    visitor: UUID
    address: str
    group: str | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._outbox = Outbox(self.send, self._close)
        self._closed_with = 0
        self._hello: asyncio.TimerHandle | None = None
        self._joined = False
        self._bad_frames = 0
        self._heard = monotonic()
        self._counted_since = 0.0
        self._counted = 0

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        """Serve the socket until it ends, however that happens."""
        self.scope, self.base_send = scope, send
        metrics.SOCKETS.inc()
        try:
            await self._hear(receive)
        finally:
            metrics.SOCKETS.dec()
            metrics.socket_closed(self._closed_with)
            self._outbox.cancel()
            if self._hello is not None:
                self._hello.cancel()
            if hasattr(self, "visitor"):
                delivery.leave(self)
                census.go(*door.counted_as(self.session, self.group))

    async def _hear(self, receive: Callable[[], Awaitable[Mapping[str, Any]]]) -> None:
        """Serve what comes, one after another. Channels' own starts a task for each, to hear a layer meanwhile."""
        with suppress(StopConsumer):
            while True:
                await self.dispatch(await receive())

    async def dispatch(self, message: Mapping[str, Any]) -> None:
        """Call the handler. Channels' own would first visit the one thread that it shares among all consumers."""
        await getattr(self, get_handler_name(message))(message)

    async def _close(self, code: int) -> None:
        self._closed_with = code
        await self.close(code)

    async def websocket_disconnect(self, message: Mapping[str, Any]) -> None:
        """End; what this socket started goes on."""
        self._closed_with = self._closed_with or message.get("code", 1006)
        raise StopConsumer

    @property
    def alive(self) -> bool:
        """Whether the client has said anything lately; it pings every 25 s."""
        return monotonic() - self._heard < ALIVE_S

    # --- What delivery asks of a socket ------------------------------------------------------------------------------

    def deliver(self, frame: str) -> None:
        """Send an encoded frame after those before it."""
        if self._joined:
            self._outbox.put_live(frame)

    def end(self, code: Close) -> None:
        """Close the connection after what was delivered."""
        self._outbox.end(code)

    # --- Coming in ---------------------------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Accept the handshake, right or no right, so that a browser sees why it was closed."""
        client = self.scope.get("client")
        self.address = client[0] if client else ""
        self.group = address_group(self.address)
        await self.accept()
        self._outbox.start(self.scope.get("extensions"))
        try:
            self.session, visitor = await threads.read(door.identify, self.scope)
        except Refused as refused:
            self._refuse(refused, door.closing(refused))
            return
        if await door.too_many(self.session, self.group):
            self._refuse(
                Refused(Code.RATE_LIMITED, "This conversation is open in too many tabs."), Close.TOO_MANY_SOCKETS
            )
            return
        if process.draining:  # its goodbye was said before this socket came
            self._put(protocol.Bye(retry_in_s=COME_BACK_S))
            self._outbox.end(Close.DRAINING)
            return
        self.visitor = visitor
        logs.bind(session=str(self.session))
        delivery.join(self)
        census.come(*door.counted_as(self.session, self.group))
        self._hello = asyncio.get_running_loop().call_later(protocol.HELLO_S, self.end, Close.SILENT)

    def _refuse(self, refused: Refused, code: Close) -> None:
        self._error(refused)
        self._outbox.end(code)

    # --- Frames ------------------------------------------------------------------------------------------------------

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Read one frame and do what it says; whatever is wrong with it is answered, not raised."""
        if not hasattr(self, "visitor") or self._outbox.ended:
            return
        try:
            frame = self._read(text_data)
        except Refused as refused:
            self._error(refused)
            self._bad_frames += 1
            if self._bad_frames == protocol.BAD_FRAMES:
                self._outbox.end(Close.BAD_FRAMES)
            return
        try:
            self._count()
            await self._obey(frame)
        except Refused as refused:
            self._error(refused, frame)
        except Exception:
            logger.exception("A %s frame could not be served", frame.type)
            self._error(_broken(), frame)

    def _read(self, text: str | None) -> protocol.AnyClientFrame:
        """Parse a frame. Raises Refused."""
        frame = protocol.parse(text)
        if not self._joined and not isinstance(frame, protocol.Hello):
            raise Refused(Code.BAD_FRAME, "The first frame is hello.")
        return frame

    def _count(self) -> None:
        now = self._heard = monotonic()
        if now - self._counted_since > FRAMES_S:
            self._counted_since, self._counted = now, 0
        self._counted += 1
        if self._counted > settings.LIMITS["frames_per_10s"]:
            wait_s = round(self._counted_since + FRAMES_S - now, 1)
            raise Refused(Code.RATE_LIMITED, "Too many frames at once.", retry_after_s=wait_s)

    async def _obey(self, frame: protocol.AnyClientFrame) -> None:
        match frame:
            case protocol.Hello():
                await self._say_ready(frame.after)
            case protocol.ClientPing():
                await self._heal(frame.after)
            case protocol.ClientPong():
                self._outbox.pong(frame.nonce)
            case protocol.Stop():
                await self._stop(frame)
            case protocol.Select():
                self._tell(await threads.write(history.select, self.session, frame.message))
            case protocol.Send() | protocol.Edit() | protocol.Regenerate() | protocol.Retry():
                if await self._allowed(frame):
                    with replies.lines.coming():
                        await self._turn(frame)

    async def _allowed(self, frame: Turn) -> bool:
        """Count a turn; False for one too many that is stored already, which is acknowledged again. Raises Refused."""
        try:
            await allowance().send(str(self.session), self.address)
        except Refused:
            if isinstance(frame, protocol.Retry):
                raise
            text = None if isinstance(frame, protocol.Regenerate) else checked_text(frame.text)
            known = await threads.read(history.known, self.session, frame.client_id, text)
            if known is None:
                raise
            metrics.DUPLICATES.inc()
            self._ack(frame.client_id, known, duplicate=True)
            return False
        return True

    async def _turn(self, frame: Turn) -> None:
        """Store a turn, acknowledge it, tell every tab, and start its reply."""
        session, maker = self.session, replies.maker
        match frame:
            case protocol.Send():
                text = checked_text(frame.text)
                change = await threads.write.together(history.add_turn, session, frame.client_id, text, maker)
                stored = change.messages[:1]
            case protocol.Edit():
                text = checked_text(frame.text)
                change = await threads.write(history.edit_turn, session, frame.message, frame.client_id, text, maker)
                stored = change.messages[:1]
            case protocol.Regenerate():
                change = await threads.write(history.regenerate, session, frame.message, frame.client_id, maker)
                stored = change.messages[:1]
            case protocol.Retry():
                change = await threads.write(history.retry, session, frame.message, frame.attempt, maker)
                stored = ()
        metrics.DUPLICATES.inc(change.duplicate is not None)
        if not isinstance(frame, protocol.Retry):
            self._ack(frame.client_id, change.duplicate or stored[0].id, duplicate=change.duplicate is not None)
        self._tell(change)
        if change.reply is not None:
            replies.start(session, change.reply, change.task)

    async def _stop(self, frame: protocol.Stop) -> None:
        """End a reply: at once if it is made here, else by a wish that its maker hears."""
        if replies.stop(frame.message, frame.attempt):
            return
        if await threads.write(history.want_stop, self.session, frame.message, frame.attempt):
            replies.stop_elsewhere(frame.message, frame.attempt)
        else:
            message = await threads.read(history.message, frame.message, self.session)
            self._put(protocol.MessageChanged(message=message))

    def _tell(self, change: history.Change) -> None:
        if change.reply is None and change.session is None:
            for message in change.messages:  # nothing changed: only this tab is behind
                self._put(protocol.MessageChanged(message=message))
        else:
            delivery.tell_change(self.visitor, self.session, change)

    # --- The feed ----------------------------------------------------------------------------------------------------

    async def _say_ready(self, after: int) -> None:
        """Register for live frames first, read second, and hold those back until all that was read is out."""
        if self._joined:
            raise Refused(Code.BAD_FRAME, "You have said hello.")
        if self._hello is not None:
            self._hello.cancel()
        self._outbox.hold()
        self._joined = True
        try:
            found = await threads.read(history.feed, self.session, self.visitor, after)
            if after:
                metrics.RESUMES.labels("reset" if found.reset else "continued").inc()
            self._put(protocol.Ready(session=found.session, models=catalogue.models(), limits=catalogue.limits()))
            await feed.tell_all(found, self._put)
        except Refused as refused:
            self._refuse(refused, door.closing(refused))
        except Exception:
            logger.exception("A tab could not join")
            self._refuse(_broken(), Close.DRAINING)  # what it should hear is held back, so it has to come anew
        else:
            self._outbox.release()

    async def _heal(self, after: int) -> None:
        """Answer a ping with all that the client may have missed."""
        await feed.heal(await threads.read(history.feed, self.session, self.visitor, after), after, self._put)

    # --- Frames out --------------------------------------------------------------------------------------------------

    def _put(self, frame: protocol.ServerFrame) -> None:
        self._outbox.put(frame.encode())

    def _ack(self, client_id: UUID, message: UUID, *, duplicate: bool) -> None:
        self._put(protocol.Ack(client_id=client_id, message=message, duplicate=duplicate))

    def _error(self, refused: Refused, about: protocol.AnyClientFrame | None = None) -> None:
        metrics.REFUSALS.labels(refused.code).inc()
        self._put(
            protocol.Error(
                code=refused.code,
                detail=refused.detail,
                client_id=getattr(about, "client_id", None),
                message=getattr(about, "message", None),
                retry_after_s=refused.retry_after_s,
            )
        )


def _broken() -> Refused:
    return Refused(Code.INTERNAL, "Something went wrong here; the log says what.")
