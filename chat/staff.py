"""The site that staff see: its looks, its first page, and that staff who log in or out stay the visitor they are."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase
from unfold.sites import UnfoldAdminSite

VISITOR = "visitor"  # the key in Django's session that names a browser's visitor


class StaffSite(UnfoldAdminSite):  # type: ignore[misc]  # unfold is not typed
    """Django drops all that a browser's session holds when its user changes; who visits is no part of the user.

    The session's key is new all the same, so a key that was known before gives no right after.
    """

    site_header = site_title = "Chatbot"
    index_title = "Dashboard"

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        """Log in, or show the form."""
        visitor = request.session.get(VISITOR)
        response: HttpResponseBase = super().login(request, extra_context)
        _stay(request, visitor)
        return response

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        """Log out."""
        visitor = request.session.get(VISITOR)
        response: HttpResponseBase = super().logout(request, extra_context)
        _stay(request, visitor)
        return response


def _stay(request: HttpRequest, visitor: str | None) -> None:
    if visitor is not None and request.session.get(VISITOR) != visitor:
        request.session[VISITOR] = visitor
