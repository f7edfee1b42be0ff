"""Replies made once more for staff: asked for, claimed by one process, ended; and what a reply was made from.

A replay is written without its session's head: no tab hears of it, and none waits for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from chat import protocol
from chat.history import sql
from chat.history.making import Outcome, Shown, Task
from chat.history.reading import branch, is_shown, said
from chat.history.sessions import kept_once
from chat.memory import Said
from chat.models import MAKING, Message, Replay, Status
from chat.protocol import Code, Refused

LEFT_OUT = 100  # messages above what was shown, listed at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What a reply, or a replay, was made from: rebuilt from what it refers to, the same to the byte.

    `left_out` are the nearest messages of its branch that the model was not shown, oldest first; `above` is how many
    messages stand above the first that it was shown.
    """

    system_prompt: str
    said: Sequence[Said]
    left_out: Sequence[Message]
    above: int


def provenance(made: Message | Replay) -> Provenance | None:
    """Return what the model was shown for it; None if it was never begun."""
    reply = made.reply if isinstance(made, Replay) else made
    asked, first = reply.parent, made.context_first
    if asked is None or first is None:
        return None
    rows = branch(asked.id, asked.depth - first.depth + 1, above=first.depth)
    above = branch(first.parent_id, LEFT_OUT)
    return Provenance(
        system_prompt=made.system_prompt.text if made.system_prompt else "",
        said=said(rows),
        left_out=[*above, *(row for row in rows if not is_shown(row))],
        above=first.depth,
    )


def ask_replay(
    reply: UUID, staff: int | None, *, model: str, system_prompt: str | None, sampling: protocol.Sampling
) -> UUID:
    """Store that a reply is to be made once more; without `system_prompt`, with its own. Returns the replay's id.

    Raises Refused: `not_found`, or `bad_request` for a reply that no model was ever shown anything for.
    """
    with transaction.atomic():
        found = Message.objects.filter(id=reply).select_related("system_prompt").first()
        if found is None:
            raise Refused(Code.NOT_FOUND, "There is no such reply.")
        if found.context_first_id is None:
            raise Refused(Code.BAD_REQUEST, "This was never begun, so there is nothing to make again.")
        prompt = found.system_prompt if system_prompt is None else kept_once(system_prompt)
        return Replay.objects.create(
            reply=found,
            asked_by_id=staff,
            model=model,
            system_prompt=prompt,
            sampling=sampling.model_dump(exclude_none=True),
        ).id


def replays_wait() -> bool:
    """Tell whether there is a replay that no living process has. In SQL, as each process asks every second."""
    (waiting,) = sql.run((_WAITING, [sql.stored_time(timezone.now())]))
    return bool(waiting)


_WAITING = """
    SELECT 1 FROM chat_replay WHERE status IN ('queued', 'streaming') AND (owner = '' OR lease_until < %s) LIMIT 1
"""


def claim_replays(owner: str, most: int) -> list[tuple[UUID, str]]:
    """Take up to so many of the replays that wait, oldest first; return their ids and models.

    One whose owner was lost has failed.
    """
    lost = Replay.objects.filter(status__in=MAKING, lease_until__lt=timezone.now()).exclude(owner="")
    lost.update(
        status=Status.FAILED,
        error_code=Code.INTERRUPTED,
        error_detail="The server was interrupted while it wrote this.",
        owner="",
        lease_until=None,
    )
    waiting = _unowned().order_by("created_at").values_list("id", "model")[:most]
    return [
        (key, model)
        for key, model in waiting
        if Replay.objects.filter(id=key, owner="", status=Status.QUEUED).update(owner=owner, lease_until=_lease())
    ]


def _unowned() -> QuerySet[Replay]:
    return Replay.objects.filter(Q(owner="") | Q(lease_until__lt=timezone.now()), status__in=MAKING)


def renew_replays(owner: str) -> None:
    """Renew the leases of the replays that a process makes."""
    Replay.objects.filter(owner=owner, status__in=MAKING).update(lease_until=_lease())


def hand_on_replays(owner: str) -> None:
    """Put a process's replays back, for another to begin anew."""
    Replay.objects.filter(owner=owner, status__in=MAKING).update(owner="", lease_until=None, status=Status.QUEUED)


def replay_task(key: UUID, owner: str) -> Task | None:
    """Return what a replay is to be made from: the reply's own messages; None if it is over, or another's."""
    found = Replay.objects.filter(id=key, owner=owner, status__in=MAKING)
    replay = found.select_related(
        "reply__parent", "reply__context_first", "reply__system_prompt", "system_prompt"
    ).first()
    shown = provenance(replay.reply) if replay else None
    if replay is None or shown is None:
        return None
    return Task(
        said=shown.said,
        system_prompt=replay.system_prompt.text if replay.system_prompt else "",
        sampling=protocol.Sampling(**replay.sampling),
        model=replay.model,
        queued_at=replay.created_at,
    )


def begin_replay(key: UUID, owner: str, shown: Shown, *, queued_ms: int) -> bool:
    """Turn a replay from queued to streaming; False if it is over, or another's."""
    return bool(
        Replay.objects.filter(id=key, owner=owner, status=Status.QUEUED).update(
            status=Status.STREAMING,
            context_first=shown.first,
            context_tokens=shown.tokens,
            context_window=shown.window,
            template=shown.template,
            queued_ms=queued_ms,
        )
    )


def end_replay(key: UUID, owner: str, outcome: Outcome) -> bool:
    """Store how a replay ended; False if it was over, or another's."""
    return bool(
        Replay.objects.filter(id=key, owner=owner, status__in=MAKING).update(
            text=outcome.text,
            status=outcome.status,
            finish=outcome.finish,
            error_code=outcome.error_code,
            error_detail=outcome.error_detail,
            model_name=outcome.model_name,
            owner="",
            lease_until=None,
            **outcome.usage,
        )
    )


def _lease() -> datetime:
    return timezone.now() + timedelta(seconds=settings.LEASE_S)
