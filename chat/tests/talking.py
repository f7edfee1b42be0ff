"""A conversation written straight through `chat.history`, for tests of what stands above and below it."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.utils import timezone

from chat import history, protocol
from chat.history import Change, Maker, Outcome, Settings, Shown, searching
from chat.models import ChatSession, Message, Role, Status

HERE = Maker(owner="here", aliases=frozenset({"default", "other"}))


@dataclass
class Talk:
    """One session of one visitor, whose replies this process makes by hand."""

    session: UUID
    visitor: UUID
    maker: Maker = field(default=HERE)

    @classmethod
    def begin(cls, name: str = "Ada", visitor: UUID | None = None, **wanted: Any) -> "Talk":
        """Make a session, and its visitor where none is given."""
        session, who = history.open_session(visitor, name, "default", Settings(**wanted))
        return cls(session.id, who)

    @property
    def row(self) -> ChatSession:
        """The session as it is now."""
        return ChatSession.objects.select_related("visitor", "system_prompt").get(id=self.session)

    def message(self, key: UUID) -> Message:
        """Return a message as it is now."""
        return Message.objects.get(id=key)

    def say(self, text: str = "And?", client_id: UUID | None = None) -> Change:
        """Store a turn."""
        return history.add_turn(self.session, client_id or uuid4(), text, self.maker)

    def start(self, reply: UUID, attempt: int = 1, first: UUID | None = None) -> protocol.Message | None:
        """Turn a reply to streaming; the model is shown all from `first` on."""
        task = history.task(reply, attempt)
        if task is None:
            return None
        shown = Shown(model="default", first=first or task.said[0].id, tokens=5, window=100, template="test/1")
        return history.begin(self.session, self._reply(reply, attempt), shown, queued_ms=1)

    def end(
        self, reply: UUID, text: str = "Yes.", attempt: int = 1, status: Status = Status.COMPLETE, **more: Any
    ) -> protocol.Message | None:
        """End a reply."""
        task = history.task(reply, attempt)
        said = task.said if task else []
        if status == Status.FAILED:
            more.setdefault("error_code", "internal")
        outcome = Outcome(text=text, status=status, **more)
        return history.end(self.session, self._reply(reply, attempt), outcome, said)

    def _reply(self, key: UUID, attempt: int) -> protocol.Message:
        """Return a reply as whoever made that attempt knows it."""
        return history.message(key, self.session).model_copy(update={"attempt": attempt})

    def exchange(self, text: str = "And?", answer: str = "Yes.") -> tuple[UUID, UUID]:
        """Store a turn and its whole reply; return both ids."""
        said, reply = self.say(text).messages
        self.start(reply.id)
        self.end(reply.id, answer)
        return said.id, reply.id

    def grow(self, count: int) -> list[UUID]:
        """Add so many messages to the current branch at once, whole exchanges; return their ids."""
        kept = self.row
        depth = kept.leaf.depth + 1 if kept.leaf else 0
        rows: list[Message] = []
        for index in range(count):
            said = index % 2 == 0
            rows.append(
                Message(
                    session=kept,
                    parent_id=rows[-1].id if rows else kept.leaf_id,
                    depth=depth + index,
                    n=kept.length + index + 1,
                    seq=kept.head + index + 1,
                    role=Role.USER if said else Role.ASSISTANT,
                    attempt=0 if said else 1,
                    status=Status.COMPLETE,
                    text=f"turn {index}",
                )
            )
        Message.objects.bulk_create(rows)
        searching.keep_all((row.id, self.visitor, row.text) for row in rows)
        changed = {"head": rows[-1].seq, "length": rows[-1].n, "leaf": rows[-1]}
        ChatSession.objects.filter(id=self.session).update(**changed)
        return [row.id for row in rows]

    def lose(self, reply: UUID) -> None:
        """Let the reply's lease run out."""
        Message.objects.filter(id=reply).update(lease_until=timezone.now() - timedelta(seconds=1))
