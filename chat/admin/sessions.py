"""A session as a conversation with its branches, and what can be done about it."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from chat import export, history, protocol
from chat.admin.common import (
    found,
    on_loop,
    open_until,
    require,
    state_of,
)
from chat.admin.session_list import SessionList, count
from chat.delivery import delivery
from chat.models import ChatSession, Reveal
from chat.protocol import Refused
from chat.replies import replies

SHOWN = 50  # messages on a session's page; the rest is a link away


@admin.register(ChatSession)
class ChatSessionAdmin(SessionList):
    """Sessions, and the conversation in each."""

    def get_urls(self) -> list[URLPattern]:
        """Add what can be done about a session."""
        views = {"reveal": self.reveal, "export": self.export, "end": self.end, "remove": self.remove}
        views |= {"block": self.block, "unblock": self.unblock}
        own = [
            path(f"<str:key>/{name}/", self.admin_site.admin_view(view), name=f"chat_chatsession_{name}")
            for name, view in views.items()
        ]
        return [*own, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a session as a conversation: the branch that its visitor sees, or `?at=` a message on another."""
        session = self.looked_at(request, object_id, ChatSession.objects.select_related("visitor", "system_prompt"))
        count([session])
        try:
            at, before = (_uuid(request.GET.get(name)) for name in ("at", "before"))
            leaf = history.end_below(history.row(at, session.id).id) if at else None
            page = history.page(session, before=before, leaf=leaf, limit=SHOWN)
        except Refused as error:
            raise Http404 from error
        return self.page(
            request,
            "session.html",
            f"Session {session}",
            session=session,
            state=state_of(session, session.figures["making"]),
            open_until=open_until(request, session.id),
            may={name: request.user.has_perm(f"chat.{name}") for name in _PERMISSIONS},
            turns=[_turn(message) for message in page.items],
            first=page.items[0].id if page.more and page.items else None,
            other_branch=at is not None,
        )

    def reveal(self, request: HttpRequest, key: str) -> HttpResponse:
        """Log that this user reads a session's text, which opens it to them for a while."""
        staff = require(request, "reveal_text")
        session = found(ChatSession.objects.all(), key)
        history.reveal(staff, request.user.get_username(), Reveal.What.TEXT, session.id)
        return HttpResponseRedirect(_back(request, session.id))

    def export(self, request: HttpRequest, key: str) -> HttpResponse:
        """Log that, and return the whole session as a file."""
        staff = require(request, "reveal_text")
        session = found(ChatSession.objects.select_related("visitor", "system_prompt"), key)
        history.reveal(staff, request.user.get_username(), Reveal.What.EXPORT, session.id)
        content = export.as_json(history.session_object(session), history.whole(session))
        headers = {"Content-Disposition": f'attachment; filename="session-{session}.json"'}
        return HttpResponse(content, content_type="application/json", headers=headers)

    def end(self, request: HttpRequest, key: str) -> HttpResponse:
        """Make a session read-only, and stop its reply."""
        require(request, "end_chatsession")
        session = found(ChatSession.objects.all(), key)
        ended = history.end_session(session.id)
        on_loop(delivery.tell_visitor, ended.visitor, protocol.SessionChanged(session=ended.session))
        if ended.making is not None:
            on_loop(_stop, *ended.making)
        self.log_change(request, session, "Ended.")
        messages.success(request, "The session is read-only now.")
        return HttpResponseRedirect(_url(session.id))

    def remove(self, request: HttpRequest, key: str) -> HttpResponse:
        """Delete a session with its messages; a reply in the making ends silently."""
        require(request, "delete_chatsession")
        session = found(ChatSession.objects.all(), key)
        self.log_deletions(request, ChatSession.objects.filter(id=session.id))
        deleted = history.delete_any_session(session.id)
        on_loop(replies.abandon, session.id)
        on_loop(delivery.tell_deleted, deleted)
        messages.success(request, f"Session {session} is deleted.")
        return HttpResponseRedirect(reverse("admin:chat_chatsession_changelist"))

    def block(self, request: HttpRequest, key: str) -> HttpResponse:
        """Let a session's visitor do nothing any more, and close their tabs."""
        require(request, "block_visitor")
        session = found(ChatSession.objects.select_related("visitor"), key)
        for reply, attempt in history.block(session.visitor_id):
            on_loop(_stop, reply, attempt)
        on_loop(delivery.block, session.visitor_id)
        self.log_change(request, session.visitor, "Blocked.")
        messages.success(request, f"{session.visitor} is blocked.")
        return HttpResponseRedirect(_url(session.id))

    def unblock(self, request: HttpRequest, key: str) -> HttpResponse:
        """Let a session's visitor in again."""
        require(request, "block_visitor")
        session = found(ChatSession.objects.select_related("visitor"), key)
        history.unblock(session.visitor_id)
        self.log_change(request, session.visitor, "Unblocked.")
        messages.success(request, f"{session.visitor} may come in again.")
        return HttpResponseRedirect(_url(session.id))


_PERMISSIONS = ("reveal_text", "end_chatsession", "delete_chatsession", "block_visitor", "view_message")


def _stop(reply: UUID, attempt: int) -> None:
    if not replies.stop(reply, attempt):
        replies.stop_elsewhere(reply, attempt)


def _turn(message: protocol.Message) -> dict[str, Any]:
    """Return a message and the versions beside it."""
    versions = [{"number": number, "id": key} for number, key in enumerate(message.siblings, start=1)]
    return {"message": message, "versions": versions if len(versions) > 1 else []}


def _uuid(text: str | None) -> UUID | None:
    """Return the id that an address names. Raises Refused, for what is none."""
    try:
        return UUID(text) if text else None
    except ValueError as error:
        raise Refused(protocol.Code.BAD_REQUEST, "This is no id.") from error


def _url(session: UUID) -> str:
    return reverse("admin:chat_chatsession_change", args=[session])


def _back(request: HttpRequest, session: UUID) -> str:
    """Return the page of the admin that somebody came from."""
    asked = request.POST.get("next", "")
    inside = asked.startswith(reverse("admin:index")) and "\\" not in asked and "//" not in asked
    return asked if inside else _url(session)
