"""The HTTP API, described to programs at /api/openapi.json and to people at /api/docs.

me        the visitor
sessions  begun, listed, changed, deleted
messages  a session's, as pages and as a file; thumbs
search    by words
caller    who calls
objects   what is asked and answered
asked     what is asked, checked
cursors   where a page of a list ended
errors    what is raised, as it is answered
"""

from typing import Any

from django.http import HttpRequest
from ninja import NinjaAPI
from ninja.renderers import BaseRenderer
from pydantic_core import to_json

from chat.api import errors, me, messages, search, sessions
from chat.api.caller import VisitorCookie


class WireJSON(BaseRenderer):
    """JSON as in the frames: Django's own would cut times to milliseconds."""

    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:
        """Return what a view answers as JSON."""
        return to_json(data)


api = NinjaAPI(
    title="Chatbot",
    version="1",
    auth=VisitorCookie(),
    renderer=WireJSON(),
    description="See docs/protocol.md.",
)
for part in (me, sessions, messages, search):
    api.add_router("", part.router)
errors.handle(api)
