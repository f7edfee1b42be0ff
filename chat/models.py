"""What is kept: visitors, their chat sessions, and the messages as a tree. Only `chat.history` writes here."""

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.core.validators import MinLengthValidator
from django.db import models
from django.db.models import F, Q

ALIAS_LENGTH = 64
TITLE_LENGTH = 200
MODEL_NAME_LENGTH = 200


class Role(models.TextChoices):
    """Who speaks."""

    USER = "user"
    ASSISTANT = "assistant"


class Status(models.TextChoices):
    """How far a message is. Stopped is not failed: a person ended it and keeps what was said."""

    COMPLETE = "complete"
    QUEUED = "queued"
    STREAMING = "streaming"
    STOPPED = "stopped"
    FAILED = "failed"


MAKING = (Status.QUEUED, Status.STREAMING)


class Finish(models.TextChoices):
    """Why a complete reply ended: by itself, at the model's `max_new_tokens`, or at the limit on a reply."""

    STOP = "stop"
    LENGTH = "length"
    CAP = "cap"


class Visitor(models.Model):
    """A person's browser, known by Django's session cookie."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200, validators=[MinLengthValidator(1)])
    created_at = models.DateTimeField(auto_now_add=True)
    blocked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """What staff may be allowed to do to visitors; how their lists are read."""

        permissions = [("block_visitor", "Can block a visitor")]
        indexes = [
            models.Index(fields=["blocked_at"], condition=Q(blocked_at__isnull=False), name="blocked_visitors"),
            models.Index(fields=["-created_at", "-id", "name"], name="visitors_by_time"),  # with what they are found by
        ]

    def __str__(self) -> str:
        return self.name


class SystemPrompt(models.Model):
    """A system prompt's text, kept once and referred to by its hash."""

    hash = models.CharField(primary_key=True, max_length=64)  # SHA-256 of the text as UTF-8, in hex
    text = models.TextField()

    def __str__(self) -> str:
        return self.text[:80]


class ChatSession(models.Model):
    """One conversation of one visitor with one model.

    `head` counts the changes in it; a row's `seq` is the change that it last took part in. `leaf` is the message at the
    end of the branch that is shown. `length` is how many messages were ever inserted.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    visitor = models.ForeignKey(Visitor, on_delete=models.CASCADE, related_name="sessions")
    title = models.CharField(max_length=TITLE_LENGTH, blank=True)
    model = models.CharField(max_length=ALIAS_LENGTH)
    system_prompt = models.ForeignKey(SystemPrompt, on_delete=models.PROTECT, null=True, blank=True)
    sampling = models.JSONField(
        default=dict, blank=True
    )  # temperature, top_p, max_new_tokens, seed; absent: the model's
    head = models.BigIntegerField(default=1)
    seq = models.BigIntegerField(default=1)
    leaf = models.ForeignKey("Message", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    length = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)  # by staff; read-only from then on

    class Meta:
        """Listed by a visitor's latest activity; what staff may be allowed to do to sessions."""

        permissions = [("reveal_text", "Can reveal what people wrote"), ("end_chatsession", "Can end a chat session")]
        ordering = ["-updated_at", "-id"]
        indexes = [
            models.Index(fields=["visitor", "-updated_at", "-id"], name="sessions_of_a_visitor"),
            models.Index(fields=["-updated_at", "-id"], name="sessions_by_activity"),
            models.Index(fields=["model", "-updated_at", "-id"], name="sessions_by_model"),
            models.Index(fields=["-created_at", "-id"], name="sessions_by_beginning"),
            models.Index(
                fields=["-updated_at", "-id"], condition=Q(ended_at__isnull=False), name="ended_sessions_by_activity"
            ),
        ]
        constraints = [models.CheckConstraint(condition=Q(seq__lte=F("head")), name="session_seq_within_head")]

    def __str__(self) -> str:
        return str(self.id)[:8]  # not the title, which is made of what somebody wrote

    @property
    def expires_at(self) -> datetime | None:
        """From when on the session is read-only, unless somebody writes before."""
        if self.ended_at is not None:
            return self.ended_at
        ttl_s: int = settings.SESSION_TTL_S
        return self.updated_at + timedelta(seconds=ttl_s) if ttl_s else None


class Message(models.Model):
    """What was said. An assistant's message is a reply; its last fields keep what it was made from.

    While a reply is made, `owner` is the process that makes it and `lease_until` the time until which the owner is
    believed to be alive. Every write to it names the `attempt`, so that an owner that wakes up late changes nothing.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    session = models.ForeignKey(ChatSession, on_delete=models.CASCADE, related_name="messages")
    parent = models.ForeignKey("self", on_delete=models.CASCADE, null=True, blank=True, related_name="children")
    depth = models.PositiveIntegerField()  # messages above it on its branch
    n = models.PositiveIntegerField()  # order of insertion, from 1
    seq = models.BigIntegerField()
    client_id = models.UUIDField(null=True, blank=True)
    role = models.CharField(max_length=9, choices=Role.choices)
    text = models.TextField(blank=True)
    status = models.CharField(max_length=9, choices=Status.choices)
    feedback = models.SmallIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    attempt = models.PositiveIntegerField(default=0)  # 0 for what a person said
    owner = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    takeovers = models.PositiveSmallIntegerField(default=0)  # how often an attempt was taken up from a lost owner
    stop_wanted = models.BooleanField(default=False)
    finish = models.CharField(max_length=6, choices=Finish.choices, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_detail = models.TextField(blank=True)

    model = models.CharField(max_length=ALIAS_LENGTH, blank=True)
    model_name = models.CharField(max_length=MODEL_NAME_LENGTH, blank=True)  # what the server calls it
    template = models.CharField(max_length=40, blank=True)
    system_prompt = models.ForeignKey(SystemPrompt, on_delete=models.PROTECT, null=True, blank=True)
    sampling = models.JSONField(default=dict, blank=True)
    context_first = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    context_tokens = models.PositiveIntegerField(null=True, blank=True)
    context_window = models.PositiveIntegerField(null=True, blank=True)
    prompt_tokens = models.PositiveIntegerField(null=True, blank=True)
    completion_tokens = models.PositiveIntegerField(null=True, blank=True)
    queued_at = models.DateTimeField(null=True, blank=True)
    queued_ms = models.PositiveIntegerField(null=True, blank=True)
    first_token_ms = models.PositiveIntegerField(null=True, blank=True)
    total_ms = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        """The database keeps what the code relies on."""

        ordering = ["session", "n"]
        indexes = [
            models.Index(fields=["session", "seq"], name="feed_of_a_session"),
            # By what a query can prove: SQLite does not look into the parameters of `status IN (?, ?)`.
            models.Index(fields=["lease_until"], condition=Q(lease_until__isnull=False), name="leases"),
            # What counts and sums over many rows need stands in the index, so that no row is read.
            models.Index(fields=["-created_at", "-id", "prompt_tokens", "completion_tokens"], name="messages_by_time"),
            models.Index(
                fields=["-created_at", "-id", "error_code", "session"],
                condition=~Q(error_code=""),
                name="errors_by_time",
            ),
            models.Index(
                fields=["error_code", "-created_at", "-id"], condition=~Q(error_code=""), name="errors_by_code"
            ),
            models.Index(
                fields=["-total_ms", "-id", "status", "model"],
                condition=Q(total_ms__isnull=False),
                name="replies_by_duration",
            ),
            models.Index(
                fields=["status", "-created_at", "-id"], condition=~Q(status=Status.COMPLETE), name="incomplete_by_time"
            ),
            models.Index(fields=["model", "-created_at", "-id"], condition=~Q(model=""), name="replies_by_model"),
            # By depth: of a parent that is null, SQLite expects as few as of any other.
            models.Index(fields=["session"], condition=Q(depth=0), name="beginnings_of_a_session"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["session", "n"], name="one_message_a_number"),
            models.UniqueConstraint(fields=["session", "client_id"], name="a_client_id_counts_once"),
            models.UniqueConstraint(fields=["session"], condition=Q(status__in=MAKING), name="one_reply_at_a_time"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="role_is_known"),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="status_is_known"),
            models.CheckConstraint(condition=Q(feedback__gte=-1, feedback__lte=1), name="feedback_is_a_thumb"),
            models.CheckConstraint(
                condition=Q(role=Role.USER, status=Status.COMPLETE, attempt=0) | Q(role=Role.ASSISTANT, attempt__gte=1),
                name="only_replies_are_made",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=MAKING) | Q(lease_until__isnull=False), name="what_is_made_has_a_lease"
            ),
            models.CheckConstraint(
                condition=Q(status=Status.FAILED) & ~Q(error_code="") | ~Q(status=Status.FAILED) & Q(error_code=""),
                name="failed_says_why",
            ),
            models.CheckConstraint(
                condition=Q(parent__isnull=True, depth=0) | Q(parent__isnull=False, depth__gt=0),
                name="depth_from_parent",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.n}"


class SearchEntry(models.Model):
    """A message that has ended, as the words that it is found by. `id` is its place: what ended later stands higher.

    Found through an index that a migration makes out of the words, each with its visitor before it: FTS5 in SQLite, GIN
    in PostgreSQL.
    """

    message = models.OneToOneField(Message, on_delete=models.CASCADE, related_name="+")
    visitor = models.UUIDField()  # the session's; its rows go with the message
    words = models.TextField()  # of `chat.words`, a space between each

    def __str__(self) -> str:
        return str(self.pk)


class Replay(models.Model):
    """A reply made once more for staff, with the same settings or others. No visitor and no model ever sees it.

    A row of its own and no Message: so it stands in no branch, feed, search or export, raises no head, and leaves the
    session free for its visitor's next reply. It is made by `chat.replies` of whichever process claims it first, in
    the line at its model like any reply; `owner` and `lease_until` are as a message's, and one whose owner is lost
    has failed: staff ask again. What the model is shown begins where the reply's own began.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    reply = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="replays")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    model = models.CharField(max_length=ALIAS_LENGTH)
    system_prompt = models.ForeignKey(SystemPrompt, on_delete=models.PROTECT, null=True, blank=True)
    sampling = models.JSONField(default=dict, blank=True)

    status = models.CharField(max_length=9, choices=Status.choices, default=Status.QUEUED)
    owner = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    text = models.TextField(blank=True)
    finish = models.CharField(max_length=6, choices=Finish.choices, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_detail = models.TextField(blank=True)

    model_name = models.CharField(max_length=MODEL_NAME_LENGTH, blank=True)
    template = models.CharField(max_length=40, blank=True)
    context_first = models.ForeignKey(Message, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    context_tokens = models.PositiveIntegerField(null=True, blank=True)
    context_window = models.PositiveIntegerField(null=True, blank=True)
    prompt_tokens = models.PositiveIntegerField(null=True, blank=True)
    completion_tokens = models.PositiveIntegerField(null=True, blank=True)
    queued_ms = models.PositiveIntegerField(null=True, blank=True)
    first_token_ms = models.PositiveIntegerField(null=True, blank=True)
    total_ms = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        """The newest first; those still to be made are found at once."""

        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["status", "created_at"], name="replays_by_status"),
            models.Index(fields=["reply", "-created_at"], name="replays_of_a_reply"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=Status.values), name="replay_status_is_known"),
            models.CheckConstraint(
                condition=Q(status=Status.FAILED) & ~Q(error_code="") | ~Q(status=Status.FAILED) & Q(error_code=""),
                name="failed_replay_says_why",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)[:8]


class Reveal(models.Model):
    """That one of the staff was shown what people wrote. Outlives the user and the session: nothing here is deleted."""

    class What(models.TextChoices):
        """What was shown: a session's text, that as a file, or which messages hold some words."""

        TEXT = "text"
        EXPORT = "export"
        SEARCH = "search"

    staff = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    username = models.CharField(max_length=150)
    what = models.CharField(max_length=6, choices=What.choices)
    session = models.UUIDField(null=True)  # the id alone: the session may be deleted; none for a search
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """The newest first; whether somebody was shown a session lately is found at once."""

        ordering = ["-at", "-id"]
        indexes = [
            models.Index(fields=["-at", "-id"], name="reveals_by_time"),
            models.Index(fields=["session", "staff", "-at"], name="reveals_of_a_session"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(what__in=["text", "export", "search"]), name="reveal_is_known")
        ]

    def __str__(self) -> str:
        return f"{self.username}: {self.what}"
