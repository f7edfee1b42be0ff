"""The list of sessions, one as a conversation with its branches, and what can be done about it."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Count, F, Max, Q, QuerySet, Sum, TextField, Value
from django.db.models.functions import Coalesce, Concat
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.views import ChangeList

from chat import export, history, protocol, words
from chat.admin.common import (
    EXPORTED,
    ModelFilter,
    ReadOnly,
    as_csv,
    found,
    on_loop,
    open_until,
    require,
    state_of,
)
from chat.delivery import delivery
from chat.models import MAKING, ChatSession, Message, Reveal, SearchEntry, Visitor
from chat.protocol import Refused
from chat.replies import replies

SHOWN = 50  # messages on a session's page; the rest is a link away
SEARCHED = 100_000  # messages that a search for words looks through, the newest
HITS = 1_000  # messages, and visitors of a name, that it goes on with


class Sessions(ChangeList):  # type: ignore[misc]  # unfold is not typed
    """A page of sessions; the figures of all its rows take one query."""

    def get_results(self, request: HttpRequest) -> None:
        """Read the page, then what its messages add up to."""
        super().get_results(request)
        rows: list[Any] = list(self.result_list)  # type: ignore[has-type]  # unfold is not typed
        count(rows)
        self.result_list = rows


def count(sessions: list[Any]) -> None:
    """Give each session its `figures`: tokens, errors, and the status of the reply that is being made."""
    rows = Message.objects.filter(session__in=[session.id for session in sessions]).order_by().values("session")
    by_session = {
        row["session"]: row
        for row in rows.annotate(
            tokens=Sum(Coalesce(F("prompt_tokens"), 0) + Coalesce(F("completion_tokens"), 0)),
            errors=Count("id", filter=~Q(error_code="")),
            making=Max("status", filter=Q(status__in=MAKING)),
        )
    }
    for session in sessions:
        session.figures = by_session.get(session.id, {"tokens": 0, "errors": 0, "making": None})


class StateFilter(admin.SimpleListFilter):
    """By what is going on in a session, or has gone wrong."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the states to choose from."""
        return [
            ("making", "A reply is being made"),
            ("errors", "With errors"),
            ("ended", "Ended"),
            ("blocked", "Blocked"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ChatSession]) -> QuerySet[ChatSession]:
        """Keep the sessions in that state; the messages are found by partial indexes."""
        match self.value():
            case "making":
                making = Message.objects.filter(status__in=MAKING, lease_until__isnull=False)
                return queryset.filter(id__in=making.values("session"))
            case "errors":
                return queryset.filter(id__in=Message.objects.exclude(error_code="").values("session"))
            case "ended":
                return queryset.filter(ended_at__isnull=False)
            case "blocked":
                return queryset.filter(visitor__in=Visitor.objects.filter(blocked_at__isnull=False).values("id"))
        return queryset


@admin.register(ChatSession)
class ChatSessionAdmin(ReadOnly):
    """Sessions, and the conversation in each."""

    list_display = ["name", "visitor", "state", "model", "length", "tokens", "errors", "updated_at"]
    list_filter = [StateFilter, ModelFilter, "updated_at", "created_at"]
    search_fields = ["visitor__name"]
    search_help_text = "Visitor's name, an id, or words in a message (logged, the newest 100,000 messages)"
    list_select_related = ["visitor"]
    ordering = ["-updated_at", "-id"]
    sortable_by = ()  # by what has no index, all sessions would be sorted
    actions = ["export_figures"]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        """Return the list that counts its page."""
        return Sessions

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ChatSession], search_term: str
    ) -> tuple[QuerySet[ChatSession], bool]:
        """Find by a visitor's name, by an id of anything, and, for who may reveal text, by words in it."""
        term = protocol.written(search_term).strip()
        if not term:
            return queryset, False
        try:
            key = UUID(term)
        except ValueError:
            named = Visitor.objects.filter(name__icontains=term).order_by("-created_at", "-id")
            wanted = Q(visitor__in=list(named.values_list("id", flat=True)[:HITS]))
            if request.user.has_perm("chat.reveal_text") and request.user.pk is not None:
                history.reveal(request.user.pk, request.user.get_username(), Reveal.What.SEARCH)
                wanted |= Q(id__in=_with_words(term))
            return queryset.filter(wanted), False
        return queryset.filter(
            Q(id=key) | Q(visitor=key) | Q(id__in=Message.objects.filter(id=key).values("session"))
        ), False

    @admin.display(description="session")
    def name(self, session: ChatSession) -> str:
        """Return the beginning of its id; its title is made of what somebody wrote."""
        return str(session)

    @admin.display(description="state")
    def state(self, session: Any) -> SafeString:
        """Return what is going on in it."""
        word = state_of(session, session.figures["making"])
        return format_html('<span class="chat-state chat-{}">{}</span>', word, word)

    @admin.display(description="tokens")
    def tokens(self, session: Any) -> int:
        """Return how many tokens its replies took, prompts included."""
        return int(session.figures["tokens"])

    @admin.display(description="errors")
    def errors(self, session: Any) -> int:
        """Return how many of its replies failed."""
        return int(session.figures["errors"])

    @admin.action(description="Export the figures of these as CSV")
    def export_figures(self, request: HttpRequest, queryset: QuerySet[ChatSession]) -> HttpResponse:
        """Return a table without any text."""
        rows = list(queryset[:EXPORTED])
        for start in range(0, len(rows), 500):  # SQLite takes so many parameters
            count(rows[start : start + 500])
        head = ["session", "visitor", "state", "model", "messages", "tokens", "errors", "created_at", "updated_at"]
        return as_csv("sessions", head, (_figures(session) for session in rows))

    # --- One session -------------------------------------------------------------------------------------------------

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


def _with_words(query: str) -> list[UUID]:
    """Return the sessions of messages, of the newest, in which words begin with each of the query's."""
    wanted = words.wanted(query)
    newest = SearchEntry.objects.order_by("-id")
    oldest = newest.values_list("id", flat=True)[SEARCHED : SEARCHED + 1].first() or 0
    rows = newest.filter(id__gt=oldest).annotate(spaced=Concat(Value(" "), "words", output_field=TextField()))
    for word in wanted:
        rows = rows.filter(spaced__contains=f" {word}")
    return list(dict.fromkeys(rows.values_list("message__session", flat=True)[:HITS])) if wanted else []


def _stop(reply: UUID, attempt: int) -> None:
    if not replies.stop(reply, attempt):
        replies.stop_elsewhere(reply, attempt)


def _turn(message: protocol.Message) -> dict[str, Any]:
    """Return a message and the versions beside it."""
    versions = [{"number": number, "id": key} for number, key in enumerate(message.siblings, start=1)]
    return {"message": message, "versions": versions if len(versions) > 1 else []}


def _figures(session: Any) -> list[object]:
    state = state_of(session, session.figures["making"])
    counted = [session.length, session.figures["tokens"], session.figures["errors"]]
    times = [session.created_at.isoformat(), session.updated_at.isoformat()]
    return [session.id, session.visitor_id, state, session.model, *counted, *times]


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
