"""The list of messages, a reply with all that it was made from, and asking for a replay."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.db.models.expressions import Combinable
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from chat import history, protocol
from chat.admin.charts import timeline
from chat.admin.common import (
    EXPORTED,
    ModelFilter,
    ReadOnly,
    as_csv,
    found,
    open_until,
    require,
    tokens_per_s,
)
from chat.models import Message, Role, Status
from chat.protocol import Code, Refused
from gptj import generators

SLOW_S = (2, 5, 15, 60)  # a reply that took longer is found as slow
MADE_FROM = ("parent", "context_first", "system_prompt", "session__visitor")


def slow(request: HttpRequest) -> bool:
    """Whether the slowest are listed: the index by duration holds status and model too, and no other is to be taken."""
    return bool(request.GET.get(SlowFilter.parameter_name))


class StatusFilter(admin.SimpleListFilter):
    """By how far a message is; what is not complete has an index of its own."""

    title = "status"
    parameter_name = "status__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return every status."""
        return [(status.value, str(status.label)) for status in Status]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Message]) -> QuerySet[Message]:
        """Keep the messages with that status."""
        match self.value():
            case None:
                return queryset
            case status if status == Status.COMPLETE or slow(request):
                return queryset.filter(status=status)
            case status:
                return queryset.exclude(status=Status.COMPLETE).filter(status=status)


class AnsweredByFilter(ModelFilter):
    """By the model that answered; only replies have one, and an index by it."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Message]) -> QuerySet[Message]:
        """Keep the replies of that model."""
        partial = self.value() and not slow(request)
        return super().queryset(request, queryset.exclude(model="") if partial else queryset)


class ErrorFilter(admin.SimpleListFilter):
    """By what went wrong."""

    title = "error"
    parameter_name = "error"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return any error, and each by its code."""
        return [("any", "Any error"), *((code.value, code.value) for code in Code)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Message]) -> QuerySet[Message]:
        """Keep the replies that failed so."""
        match self.value():
            case None:
                return queryset
            case "any":
                return queryset.exclude(error_code="")
            case code:
                return queryset.exclude(error_code="").filter(error_code=code)


class SlowFilter(admin.SimpleListFilter):
    """By how long a reply took, from when it was asked for."""

    title = "slow"
    parameter_name = "slower_s"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the durations to choose from."""
        return [(str(seconds), f"Longer than {seconds} s") for seconds in SLOW_S]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Message]) -> QuerySet[Message]:
        """Keep the replies that took longer."""
        if self.value() not in {str(seconds) for seconds in SLOW_S}:
            return queryset
        return queryset.filter(total_ms__gt=int(self.value() or 0) * 1000)


class ReplayForm(forms.Form):
    """With which settings to make a reply again. An empty field is the model's own setting."""

    model = forms.ChoiceField()
    temperature = forms.FloatField(required=False, min_value=0, max_value=2)
    top_p = forms.FloatField(required=False, min_value=0.001, max_value=1, label="Top p")
    max_new_tokens = forms.IntegerField(required=False, min_value=1, max_value=100_000)
    seed = forms.IntegerField(required=False, min_value=0, max_value=2**31 - 1)
    system_prompt = forms.CharField(required=False, max_length=16_000, widget=forms.Textarea(attrs={"rows": 3}))

    def __init__(self, given: Any = None, *, reply: Message, shows_text: bool) -> None:
        prompt = reply.system_prompt.text if reply.system_prompt else ""
        own = {"model": reply.model, **reply.sampling, **({"system_prompt": prompt} if shows_text else {})}
        super().__init__(given, initial=own)
        self.fields["model"] = forms.ChoiceField(choices=[(alias, alias) for alias in generators])
        if not shows_text:
            del self.fields["system_prompt"]

    @property
    def sampling(self) -> protocol.Sampling:
        """How the model is to choose."""
        return protocol.Sampling(**{name: self.cleaned_data[name] for name in protocol.Sampling.model_fields})

    @property
    def prompt(self) -> str | None:
        """The system prompt; None for the reply's own, where that may not be read."""
        given = self.cleaned_data.get("system_prompt")
        return None if given is None else protocol.written(given).strip()


@admin.register(Message)
class MessageAdmin(ReadOnly):
    """Messages, and what each reply was made from."""

    list_display = ["created_at", "session", "role", "status", "error_code", "model", "first_token", "total", "tokens"]
    list_display_links = ["created_at"]
    list_filter = ["role", StatusFilter, ErrorFilter, SlowFilter, AnsweredByFilter, "created_at"]
    list_select_related = ["session"]
    sortable_by = ()  # by what has no index, a million rows would be sorted
    actions = ["export_figures"]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Let a session's page link to its messages."""
        return lookup == "session__id__exact" or super().lookup_allowed(lookup, value, request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        """Leave out what the list does not show."""
        return super().get_queryset(request).defer("text", "error_detail", "sampling")

    def get_ordering(self, request: HttpRequest) -> list[str | Combinable]:
        """Return the order that an index gives: the newest first; of slow ones the slowest, of a session its own."""
        if slow(request):
            return ["-total_ms"]
        return ["-n"] if request.GET.get("session__id__exact") else ["-created_at", "-id"]

    @admin.display(description="first token")
    def first_token(self, message: Message) -> str:
        """Return how long its first token took."""
        return "" if message.first_token_ms is None else f"{message.first_token_ms:,} ms"

    @admin.display(description="total")
    def total(self, message: Message) -> str:
        """Return how long it took."""
        return "" if message.total_ms is None else f"{message.total_ms:,} ms"

    @admin.display(description="tokens")
    def tokens(self, message: Message) -> str:
        """Return how many tokens went in and came out."""
        if message.prompt_tokens is None and message.completion_tokens is None:
            return ""
        return f"{message.prompt_tokens or 0:,} + {message.completion_tokens or 0:,}"

    @admin.action(description="Export the figures of these as CSV")
    def export_figures(self, request: HttpRequest, queryset: QuerySet[Message]) -> HttpResponse:
        """Return a table without any text."""
        names = [
            *("id", "session_id", "n", "role", "status", "error_code", "attempt", "takeovers", "model", "model_name"),
            *("prompt_tokens", "completion_tokens", "queued_ms", "first_token_ms", "total_ms", "created_at"),
        ]
        return as_csv("messages", names, queryset.values_list(*names)[:EXPORTED])

    # --- One message -------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """Add asking for a replay."""
        view = self.admin_site.admin_view(self.replay)
        return [path("<str:key>/replay/", view, name="chat_message_replay"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a message; a reply with all that it was made from."""
        message = self.looked_at(request, object_id, Message.objects.select_related(*MADE_FROM))
        return self._shown(request, message, None)

    def _shown(self, request: HttpRequest, message: Message, form: ReplayForm | None) -> HttpResponse:
        until = open_until(request, message.session_id)
        may_replay = request.user.has_perm("chat.add_replay") and message.context_first_id is not None
        if may_replay and form is None:
            form = ReplayForm(reply=message, shows_text=until is not None)
        asked = history.provenance(message) if message.role == Role.ASSISTANT else None
        return self.page(
            request,
            "message.html",
            f"{message.get_role_display()} {message.n} of session {message.session}",
            message=message,
            session=message.session,
            open_until=until,
            may={"reveal_text": request.user.has_perm("chat.reveal_text")},
            provenance=asked,
            timeline=timeline(message.queued_ms, message.first_token_ms, message.total_ms),
            tokens_per_s=tokens_per_s(message),
            sampling=sampling(message.sampling),
            replies=message.children.order_by("n") if message.role == Role.USER else (),
            replays=message.replays.select_related("asked_by")[:20],
            form=form if may_replay else None,
        )

    def replay(self, request: HttpRequest, key: str) -> HttpResponse:
        """Ask for a reply to be made again, by whichever process serves; none is made within this request."""
        staff = require(request, "add_replay")
        message = found(Message.objects.select_related(*MADE_FROM), key)
        form = ReplayForm(request.POST, reply=message, shows_text=open_until(request, message.session_id) is not None)
        if not form.is_valid():
            return self._shown(request, message, form)
        try:
            replay = history.ask_replay(
                message.id,
                staff,
                model=form.cleaned_data["model"],
                system_prompt=form.prompt,
                sampling=form.sampling,
            )
        except Refused as error:
            messages.error(request, error.detail)
            return HttpResponseRedirect(reverse("admin:chat_message_change", args=[message.id]))
        return HttpResponseRedirect(reverse("admin:chat_replay_change", args=[replay]))


def sampling(kept: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return each setting of how the model chooses; None for its own."""
    return [(name, kept.get(name)) for name in protocol.Sampling.model_fields]
