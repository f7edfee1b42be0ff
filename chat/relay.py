"""What the other processes hear, by the channel layer: one message a gathering interval for all that happened here.

Nothing that goes this way is the truth: it may all be lost, and what was lost is healed from the database.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from channels.layers import get_channel_layer
from django.conf import settings

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
        self._handlers: dict[str, Callable[..., object]] = {}

    @property
    def active(self) -> bool:
        """Whether there may be other processes."""
        return bool(settings.REDIS_URL)

    def on(self, what: str, handler: Callable[..., object]) -> None:
        """Call `handler` with the arguments of every such item that another process says."""
        self._handlers[what] = handler

    def say(self, what: str, *args: Any) -> None:
        """Tell the other processes, soon. The arguments are text, numbers, and lists of them."""
        if not self.active:
            return
        self._items.append([what, *args])
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())

    async def _send(self) -> None:
        """Send what has gathered, until nothing is left."""
        try:
            while self._items:
                items, self._items = self._items[-WAITING:], []
                await asyncio.sleep(await self._send_once(items))
        finally:
            self._sending = None

    async def _send_once(self, items: list[list[Any]]) -> float:
        """Send these; return the seconds to wait before more are sent. What the layer does not take is lost."""
        layer = get_channel_layer()
        if layer is None:
            return AGAIN_S
        try:
            await layer.group_send(GROUP, {"type": "chat.relay", "sender": self._name, "items": items})
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
        while True:
            self._obey(await layer.receive(channel))

    def _obey(self, message: Mapping[str, Any]) -> None:
        if message["sender"] == self._name:
            return
        for what, *args in message["items"]:
            handler = self._handlers.get(what)  # a newer version may say what this one does not know
            if handler is None:
                continue
            try:
                handler(*args)
            except Exception:
                logger.exception("What another process said of %r could not be followed", what)

    async def close(self) -> None:
        """Send what is left, and let go of the layer's connections."""
        if self._sending is not None:
            await self._sending
        layer = get_channel_layer()
        if layer is not None and self.active:
            await layer.flush()


relay = Relay()
