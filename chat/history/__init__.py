"""What was said: the only package that writes the models. All of it is sync and runs in `chat.threads`.

A write is one function and one transaction, whose first statement raises the session's head and so locks the session.
Those of every turn give out their statements instead (`chat.steps`), so that several can share a transaction.
A read is never inside a transaction: head first, then rows. What comes out are the objects of `chat.protocol`.

rows      database rows as the wire's objects
sql       the statements of every turn
reading   the feed, branches, lists
searching messages by their words
sessions  visitors and their chat sessions
turns     what a person does to a conversation
replays   replies made once more for staff, and what a reply was made from
staff     what staff do: block, end, delete, and the log of what they were shown
making    a reply from queued to its end: claims, leases, checkpoints
hot       a session's turns in the cache
"""

from chat.history.making import (
    Outcome,
    Shown,
    Taken,
    Task,
    begin,
    checkpoint,
    end,
    hand_on,
    renew,
    take_over,
    task,
    want_stop,
)
from chat.history.reading import (
    Feed,
    Page,
    around,
    blocked,
    current,
    end_below,
    expired,
    feed,
    head,
    message,
    owned,
    page,
    row,
    session,
    sessions,
    whole,
)
from chat.history.replays import (
    Provenance,
    ask_replay,
    begin_replay,
    claim_replays,
    end_replay,
    hand_on_replays,
    provenance,
    renew_replays,
    replay_task,
    replays_wait,
)
from chat.history.rows import message_object, message_objects, session_object
from chat.history.searching import Found, search
from chat.history.sessions import (
    Deleted,
    Settings,
    change_session,
    delete_any_session,
    delete_session,
    delete_visitor,
    give_feedback,
    open_session,
    purge,
    visitor,
)
from chat.history.staff import (
    Ended,
    block,
    end_session,
    reveal,
    revealed_until,
    session_of,
    unblock,
)
from chat.history.turns import Change, Maker, add_turn, edit_turn, known, regenerate, retry, select

__all__ = [
    "Change",
    "Deleted",
    "Ended",
    "Feed",
    "Found",
    "Maker",
    "Outcome",
    "Page",
    "Provenance",
    "Settings",
    "Shown",
    "Taken",
    "Task",
    "add_turn",
    "around",
    "ask_replay",
    "begin",
    "begin_replay",
    "block",
    "blocked",
    "change_session",
    "checkpoint",
    "claim_replays",
    "current",
    "delete_any_session",
    "delete_session",
    "delete_visitor",
    "edit_turn",
    "end",
    "end_below",
    "end_replay",
    "end_session",
    "expired",
    "feed",
    "give_feedback",
    "hand_on",
    "hand_on_replays",
    "head",
    "known",
    "message",
    "message_object",
    "message_objects",
    "open_session",
    "owned",
    "page",
    "provenance",
    "purge",
    "regenerate",
    "renew",
    "renew_replays",
    "replay_task",
    "replays_wait",
    "retry",
    "reveal",
    "revealed_until",
    "row",
    "search",
    "select",
    "session",
    "session_object",
    "session_of",
    "sessions",
    "take_over",
    "task",
    "unblock",
    "visitor",
    "want_stop",
    "whole",
]
