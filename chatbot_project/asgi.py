"""The ASGI application: HTTP to Django, WebSockets by origin and session to the chat, lifespan to its process."""

import os
from typing import Any
from urllib.parse import urlsplit

from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import OriginValidator, WebsocketDenier
from channels.sessions import SessionMiddlewareStack
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatbot_project.settings")
django_application = get_asgi_application()

from django.conf import settings  # noqa: E402 (after Django is set up)

from chat.bodies import BodyCap  # noqa: E402
from chat.process import process  # noqa: E402
from chat.routing import websocket_urlpatterns  # noqa: E402
from chatbot_project.proxies import TrustedProxies  # noqa: E402


class OriginCheck(OriginValidator):  # type: ignore[misc]  # Channels is not typed
    """Lets in the listed origins, and clients that name none: those are no browsers."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        """Check the Origin header where there is one."""
        listed = all(self._listed(value) for name, value in scope["headers"] if name.lower() == b"origin")
        application = self.application if listed else WebsocketDenier()
        return await application(scope, receive, send)

    def _listed(self, origin: bytes) -> bool:
        """Tell whether an origin may come in; not `null`, nor what cannot be read."""
        try:
            return bool(self.validate_origin(urlsplit(origin.decode("latin-1"))))
        except ValueError:  # brackets left open, a port that is none
            return False


async def lifespan(scope: Any, receive: Any, send: Any) -> None:
    """Start and drain the process where the server tells when (Daphne does not: see `manage.py serve`)."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await process.start()
            await send({"type": "lifespan.startup.complete"})
        else:
            await process.drain()
            await send({"type": "lifespan.shutdown.complete"})
            return


application = TrustedProxies(
    ProtocolTypeRouter(
        {
            "http": BodyCap(django_application, settings.DATA_UPLOAD_MAX_MEMORY_SIZE),
            "websocket": OriginCheck(SessionMiddlewareStack(URLRouter(websocket_urlpatterns)), settings.ORIGINS),
            "lifespan": lifespan,
        }
    ),
    settings.TRUSTED_PROXY_COUNT,
)
