"""Who calls the HTTP API."""

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from ninja.security import APIKeyCookie

from chat import history, threads


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls: a visitor, or nobody yet."""

    id: UUID | None
    name: str


class Call(HttpRequest):
    """A request whose caller is known."""

    auth: Caller


class VisitorCookie(APIKeyCookie):
    """Knows the visitor by Django's session cookie, and checks CSRF for every unsafe call."""

    param_name = settings.SESSION_COOKIE_NAME

    async def authenticate(self, request: HttpRequest, key: str | None) -> Caller:
        """Return the caller; nobody is a caller too."""
        return await threads.read(_caller, request)


def _caller(request: HttpRequest) -> Caller:
    known = request.session.get("visitor")
    visitor = history.visitor(UUID(known)) if known else None
    if visitor is not None and visitor.blocked_at is not None:
        raise history.blocked()
    return Caller(id=visitor.id, name=visitor.name) if visitor else Caller(id=None, name="")
