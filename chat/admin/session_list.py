"""The list of sessions: their figures, and how one is found."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Count, F, Max, Q, QuerySet, Sum, TextField, Value
from django.db.models.functions import Coalesce, Concat, StrIndex
from django.db.models.lookups import GreaterThan
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from chat import history, protocol, words
from chat.admin.common import EXPORTED, ModelFilter, ReadOnly, as_csv, state_of
from chat.admin.lists import COUNTED, List
from chat.models import MAKING, ChatSession, Message, Reveal, SearchEntry, Visitor

SUMMED = 500  # messages of a session that its figures in the list are of, the newest: a page reads so many at most
SEARCHED = 50_000  # messages that a search for words looks through, the newest
HITS = 1_000  # messages, and visitors of a name, that it goes on with


class Sessions(List):
    """A page of sessions; the figures of its rows take one query, two if some are long."""

    def get_results(self, request: HttpRequest) -> None:
        """Read the page, then what its messages add up to."""
        super().get_results(request)
        count(self.result_list, SUMMED)


def count(sessions: list[Any], newest: int | None = None) -> None:
    """Give each session its `figures`: tokens, errors, and the status of the reply that is being made.

    With `newest`, of so many messages of each; `whole` says whether a session has no more.
    """
    longer = [session for session in sessions if newest is not None and session.length > newest]
    shorter = [session for session in sessions if session not in longer]
    found = {**_sums(Q(session__in=[session.id for session in shorter])), **_sums_of_newest(longer, newest or 0)}
    for session in sessions:
        none = {"tokens": 0, "errors": 0, "making": None}
        session.figures = found.get(session.id, none) | {"whole": session not in longer}


def _sums_of_newest(sessions: list[Any], newest: int) -> dict[UUID, dict[str, Any]]:
    if not sessions:
        return {}
    wanted = Q(session__in=[session.id for session in sessions], lease_until__isnull=False, status__in=MAKING)
    for session in sessions:
        wanted |= Q(session=session.id, n__gt=session.length - newest)
    return _sums(wanted)


def _sums(wanted: Q) -> dict[UUID, dict[str, Any]]:
    """Return what messages add up to, by their session."""
    sums = (
        Message.objects.filter(wanted)
        .order_by()
        .values("session")
        .annotate(
            tokens=Sum(Coalesce(F("prompt_tokens"), 0) + Coalesce(F("completion_tokens"), 0)),
            errors=Count("id", filter=~Q(error_code="")),
            making=Max("status", filter=Q(status__in=MAKING)),
        )
    )
    return {row["session"]: dict(row) for row in sums}


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
                errors = Message.objects.exclude(error_code="").order_by("-created_at", "-id")
                return queryset.filter(id__in=errors.values("session")[:COUNTED])
            case "ended":
                return queryset.filter(ended_at__isnull=False)
            case "blocked":
                return queryset.filter(visitor__in=Visitor.objects.filter(blocked_at__isnull=False).values("id"))
        return queryset


class SessionList(ReadOnly):
    """Sessions with their figures, found by who, what and which words."""

    list_display = ["name", "visitor", "state", "model", "length", "tokens", "errors", "updated_at"]
    list_filter = [StateFilter, ModelFilter, "updated_at", "created_at"]
    search_fields = ["visitor__name"]
    search_help_text = "Visitor's name, an id, or words in a message (logged, the newest 50,000 messages)"
    list_select_related = ["visitor"]
    ordering = ["-updated_at", "-id"]
    sortable_by = ()  # by what has no index, all sessions would be sorted
    actions = ["export_figures"]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[Sessions]:
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
    def tokens(self, session: Any) -> str:
        """Return how many tokens its replies took, prompts included."""
        return _figure(session, "tokens")

    @admin.display(description="errors")
    def errors(self, session: Any) -> str:
        """Return how many of its replies failed."""
        return _figure(session, "errors")

    @admin.action(description="Export the figures of these as CSV")
    def export_figures(self, request: HttpRequest, queryset: QuerySet[ChatSession]) -> HttpResponse:
        """Return a table without any text."""
        rows = list(queryset[:EXPORTED])
        for start in range(0, len(rows), 500):  # SQLite takes so many parameters
            count(rows[start : start + 500])
        head = ["session", "visitor", "state", "model", "messages", "tokens", "errors", "created_at", "updated_at"]
        return as_csv("sessions", head, (_figures(session) for session in rows))


def _figure(session: Any, name: str) -> str:
    """Return a figure, or what it is at least."""
    return f"{session.figures[name]}" if session.figures["whole"] else f"\u2265 {session.figures[name]}"


def _with_words(query: str) -> list[UUID]:
    """Return the sessions of messages, of the newest, in which words begin with each of the query's."""
    wanted = words.wanted(query)
    newest = SearchEntry.objects.order_by("-id")
    last = newest.values_list("id", flat=True).first() or 0
    rows = newest.filter(id__gt=last - SEARCHED)
    spaced = Concat(Value(" "), "words", output_field=TextField())
    for word in wanted:
        rows = rows.filter(GreaterThan(StrIndex(spaced, Value(f" {word}")), 0))
    return list(dict.fromkeys(rows.values_list("message__session", flat=True)[:HITS])) if wanted else []


def _figures(session: Any) -> list[object]:
    state = state_of(session, session.figures["making"])
    counted = [session.length, session.figures["tokens"], session.figures["errors"]]
    times = [session.created_at.isoformat(), session.updated_at.isoformat()]
    return [session.id, session.visitor_id, state, session.model, *counted, *times]
