"""What the other processes hear, by the channel layer: one message a gathering interval for all that happened here.

Nothing that goes this way is the truth: it may all be lost, and what was lost is healed from the database. What
concerns one session or visitor is said only while another process shows that, or may: see `chat.audience`.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from channels.layers import get_channel_layer
from django.conf import settings

from chat.audience import Audience, Shown, Untold
from chat.faults import Outage, redis_faults

logger = logging.getLogger(__name__)

GROUP = "chat"
GATHER_S = 0.04  # between two messages
WAITING = 10_000  # items that wait while the layer does not take them; beyond, the oldest are dropped
AGAIN_S = 1.0  # between two tries, while the layer does not answer


class Relay:
    """Tells the other processes, and hears them. Does nothing where there is one process, which is without Redis."""

    def __init__(self) -> None:
        self._name = secrets.token_hex(4)
        self._items: list[list[Any]] = []
        self._sending: asyncio.Task[None] | None = None
        self._outage = Outage("The channel layer", "layer")
        self._handlers: dict[str, Callable[..., object]] = {"whole": self._say_whole}
        self._shown = Shown()
        self._audience = Audience()
        self._untold = Untold()
        self._listening = False

    @property
    def active(self) -> bool:
        """Whether there may be other processes."""
        return bool(settings.REDIS_URL)

    def on(self, what: str, handler: Callable[..., object]) -> None:
        """Call `handler` with the arguments of every such item that another process says."""
        self._handlers[what] = handler

    def say(self, what: str, *args: Any) -> None:
        """Tell the other processes, soon. The arguments are text, numbers, and lists of them."""
        if self.active:
            self._items.append([what, *args])
            self._send_soon()

    def tell(self, what: str, key: object, *args: Any) -> None:
        """Say what concerns who shows the session or visitor with the id `key`, where there is anybody, or may be."""
        if not self.active:
            return
        item = [what, str(key), *args]
        if self._listening and not self._audience.shows(item[1]):
            self._untold.keep(item[1], item)
        else:
            self._items.append(item)
            self._send_soon()

    def show(self, *keys: object) -> None:
        """Let the others know that sessions or visitors with these ids are shown here."""
        if self.active:
            self._shown.add(*map(str, keys))
            self._say_shown()

    def hide(self, *keys: object) -> None:
        """Let them know that they are not any more."""
        if self.active:
            self._shown.discard(*map(str, keys))
            self._say_shown()

    async def beat(self) -> None:
        """Say that this process lives. Every second."""
        if not self.active:
            return
        self._audience.forget_lost()
        self._untold.age()
        self._send_soon()

    def _say_shown(self) -> None:
        if self._shown.changed:
            self._send_soon()

    def _send_soon(self) -> None:
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())

    async def _send(self) -> None:
        """Send what has gathered, until nothing is left."""
        try:
            while True:
                items, self._items = self._items[-WAITING:], []
                await asyncio.sleep(await self._send_once(items))
                if not self._items and not self._shown.changed:
                    return
        finally:
            self._sending = None

    async def _send_once(self, items: list[list[Any]]) -> float:
        """Send these; return the seconds to wait before more are sent. What the layer does not take is lost."""
        layer = get_channel_layer()
        if layer is None:
            return AGAIN_S
        message = {"type": "chat.relay", "sender": self._name, "items": items, **self._shown.news()}
        try:
            await layer.group_send(GROUP, message)
        except redis_faults() as error:
            self._outage.failed(error)
            return AGAIN_S
        self._outage.worked()
        return GATHER_S

    async def listen(self) -> None:
        """Hear the other processes, for ever."""
        while self.active:
            try:
                await self._hear()
            except redis_faults() as error:
                self._outage.failed(error)
                await self._forget()
            finally:
                self._listening = False
            await asyncio.sleep(AGAIN_S)

    @staticmethod
    async def _forget() -> None:
        """Leave nothing of a try in the layer, which would gather messages for it that nobody takes."""
        layer = get_channel_layer()
        if layer is not None:
            with suppress(*redis_faults()):
                await layer.flush()

    async def _hear(self) -> None:
        layer = get_channel_layer()
        if layer is None:
            return
        channel = await layer.new_channel()
        await layer.group_add(GROUP, channel)
        self._listening = True
        self._say_whole()
        self.say("whole")
        while True:
            self._obey(await layer.receive(channel))

    def _obey(self, message: Mapping[str, Any]) -> None:
        sender = message["sender"]
        if sender == self._name:
            return
        anew, unknown = self._audience.hear(sender, message)
        for item in self._untold.take(anew):
            self.say(*item)
        if unknown:
            self.say("whole", sender)
        for what, *args in message["items"]:
            handler = self._handlers.get(what)  # a newer version may say what this one does not know
            if handler is None:
                continue
            try:
                handler(*args)
            except Exception:
                logger.exception("What another process said of %r could not be followed", what)

    def _say_whole(self, who: str = "") -> None:
        """Answer who asks all of them, or the one of that name, what they show."""
        if who in {"", self._name}:
            self._shown.say_whole()
            self._send_soon()

    async def close(self) -> None:
        """Send what is left, and let go of the layer's connections."""
        if self._sending is not None:
            await self._sending
        layer = get_channel_layer()
        if layer is not None and self.active:
            await layer.flush()


relay = Relay()
