"""A replay beside its reply: settings, times and text."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from chat import history
from chat.admin.charts import timeline
from chat.admin.common import ReadOnly, open_until, tokens_per_s
from chat.admin.differences import difference
from chat.admin.messages import sampling
from chat.models import MAKING, Message, Replay

RELATED = (
    "asked_by",
    "context_first",
    "system_prompt",
    "reply__parent",
    "reply__context_first",
    "reply__system_prompt",
    "reply__session__visitor",
)


@admin.register(Replay)
class ReplayAdmin(ReadOnly):
    """Replays; they are asked for on a reply's page."""

    list_display = ["created_at", "reply", "asked_by", "status", "error_code", "model", "total_ms"]
    list_filter = ["status", "created_at"]
    list_select_related = ["reply", "asked_by"]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a replay and its reply side by side; again every second while it is made."""
        replay = self.looked_at(request, object_id, Replay.objects.select_related(*RELATED))
        reply = replay.reply
        until = open_until(request, reply.session_id)
        making = replay.status in MAKING
        left, right = difference(reply.text, replay.text) if until and not making else ([], [])
        return self.page(
            request,
            "replay.html",
            f"Replay {replay}",
            replay=replay,
            reply=reply,
            session=reply.session,
            making=making,
            open_until=until,
            may={"reveal_text": request.user.has_perm("chat.reveal_text")},
            rows=_compared(reply, replay),
            sides=[
                {"name": "Reply", "made": reply, "stretches": left, "stages": _stages(reply)},
                {"name": "Replay", "made": replay, "stretches": right, "stages": _stages(replay)},
            ],
            alike=reply.text == replay.text,
            provenance=history.provenance(replay),
        )


def _stages(made: Message | Replay) -> Any:
    return timeline(made.queued_ms, made.first_token_ms, made.total_ms)


def _compared(reply: Message, replay: Replay) -> list[tuple[str, Any, Any, bool]]:
    """Return what both were made with and how it went: name, the reply's, the replay's, whether they differ."""
    sides = [[*_settings(made), *_outcome(made)] for made in (reply, replay)]
    return [(name, ours, theirs, ours != theirs) for (name, ours), (_, theirs) in zip(*sides, strict=True)]


def _settings(made: Message | Replay) -> list[tuple[str, Any]]:
    prompt = made.system_prompt.hash[:8] if made.system_prompt else "none"
    first = made.context_first.n if made.context_first else None
    return [
        ("model", made.model),
        ("its server says", made.model_name or None),
        ("template", made.template or None),
        ("system prompt", prompt),
        *sampling(made.sampling),
        ("shown from message", first),
        ("context tokens", made.context_tokens),
    ]


def _outcome(made: Message | Replay) -> list[tuple[str, Any]]:
    return [
        ("status", made.status),
        ("finish", made.finish or None),
        ("error", made.error_code or None),
        ("prompt tokens", made.prompt_tokens),
        ("completion tokens", made.completion_tokens),
        ("queued, ms", made.queued_ms),
        ("first token, ms", made.first_token_ms),
        ("total, ms", made.total_ms),
        ("tokens/s", tokens_per_s(made)),
    ]
