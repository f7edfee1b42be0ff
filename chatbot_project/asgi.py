"""The ASGI application: HTTP to Django, WebSockets by origin and session to the chat, lifespan to its process."""

import os
from typing import Any
from urllib.parse import ParseResult

from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import OriginValidator
from channels.sessions import SessionMiddlewareStack
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatbot_project.settings")
django_application = get_asgi_application()

from django.conf import settings  # noqa: E402 (after Django is set up)

from chat.process import process  # noqa: E402
from chat.routing import websocket_urlpatterns  # noqa: E402
from chatbot_project.proxies import TrustedProxies  # noqa: E402


class OriginCheck(OriginValidator):  # type: ignore[misc]  # Channels is not typed
    """Lets in the listed origins, and clients that name none: those are no browsers."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        """Check the Origin header where there is one."""
        if not any(name.lower() == b"origin" for name, _ in scope["headers"]):
            return await self.application(scope, receive, send)
        return await super().__call__(scope, receive, send)

    def valid_origin(self, parsed_origin: ParseResult | None) -> bool:
        """Refuse `null` and what cannot be read."""
        return parsed_origin is not None and bool(self.validate_origin(parsed_origin))


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
            "http": django_application,
            "websocket": OriginCheck(SessionMiddlewareStack(URLRouter(websocket_urlpatterns)), settings.ORIGINS),
            "lifespan": lifespan,
        }
    ),
    settings.TRUSTED_PROXY_COUNT,
)
