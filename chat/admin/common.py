"""What the pages of the admin have in common."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec
from uuid import UUID

from asgiref.sync import async_to_sync
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from chat import history
from chat.admin.lists import Capped, List
from chat.models import ChatSession, Message, Replay
from gptj import generators

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    from unfold.admin import ModelAdmin  # not typed

P = ParamSpec("P")

PAGE = 50
EXPORTED = 10_000  # rows of a file at most, which Daphne has 60 s for


class ReadOnly(ModelAdmin):
    """Looked at, never changed by a form."""

    actions: Sequence[Any] | None = None
    show_full_result_count = False
    paginator = Capped
    list_per_page = PAGE
    list_max_show_all = PAGE

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[List]:
        """Return what finds, reads and draws a page of the list."""
        return List

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nothing is added by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is changed by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is deleted by hand."""
        return False

    def page(self, request: HttpRequest, template: str, title: str, **context: Any) -> TemplateResponse:
        """Return a page of the admin."""
        shared = self.admin_site.each_context(request)
        return TemplateResponse(request, f"admin/chat/{template}", {**shared, "title": title, **context})

    def looked_at(self, request: HttpRequest, key: str, rows: QuerySet[Any]) -> Any:
        """Return the row that a page is about. Raises PermissionDenied, and Http404."""
        if request.method != "GET" or not self.has_view_permission(request):
            raise PermissionDenied
        return found(rows, key)


class ModelFilter(admin.SimpleListFilter):
    """By the model's alias: those that are configured, without looking through the rows for others."""

    title = "model"
    parameter_name = "model"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """Return the configured aliases."""
        return [(alias, alias) for alias in generators]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows of that model."""
        return queryset.filter(model=self.value()) if self.value() else queryset


def found(rows: QuerySet[Any], key: str) -> Any:
    """Return the row with that id. Raises Http404."""
    try:
        row = rows.filter(pk=UUID(key)).first()
    except ValueError as error:
        raise Http404 from error
    if row is None:
        raise Http404
    return row


def require(request: HttpRequest, permission: str) -> int:
    """Return the id of a user who may do that by this POST. Raises PermissionDenied."""
    if request.method != "POST" or not request.user.has_perm(f"chat.{permission}") or request.user.pk is None:
        raise PermissionDenied
    return int(request.user.pk)


def open_until(request: HttpRequest, session: UUID) -> Any:
    """Return until when this user may read a session's text; None if it is not revealed."""
    if request.user.pk is None or not request.user.has_perm("chat.reveal_text"):
        return None
    return history.revealed_until(request.user.pk, session)


def on_loop(function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
    """Call what belongs to the event loop, as `replies` and `delivery` do, from a view's thread."""

    async def call() -> None:
        function(*args, **kwargs)

    async_to_sync(call)()


def tokens_per_s(made: Message | Replay) -> float | None:
    """Return how fast it was written, from its first token on."""
    if made.completion_tokens is None or made.first_token_ms is None or made.total_ms is None:
        return None
    writing_ms = made.total_ms - made.first_token_ms
    return round(made.completion_tokens * 1000 / writing_ms, 1) if writing_ms > 0 else None


def as_csv(name: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> HttpResponse:
    """Return a table as a file."""
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(head)
    table.writerows(rows)
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return HttpResponse(written.getvalue(), content_type="text/csv; charset=utf-8", headers=headers)


def state_of(session: ChatSession, making: str | None) -> str:
    """Return a session's state in a word; `making` is the status of the reply that is being made, if any."""
    if making:
        return making
    if session.visitor.blocked_at is not None:
        return "blocked"
    if session.ended_at is not None:
        return "ended"
    return "expired" if history.expired(session) else "open"
