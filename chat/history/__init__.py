"""What was said: the only package that writes the models. All of it is sync and runs in `chat.threads`.

A write is one function and one transaction, whose first statement raises the session's head and so locks the session.
A read is never inside a transaction: head first, then rows. What comes out are the objects of `chat.protocol`.

rows      database rows as the wire's objects
reading   the feed, branches, lists, search
sessions  visitors and their chat sessions
turns     what a person does to a conversation
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
    current,
    feed,
    head,
    message,
    owned,
    page,
    search,
    session,
    sessions,
    whole,
)
from chat.history.rows import message_object, session_object
from chat.history.sessions import (
    Deleted,
    Settings,
    change_session,
    delete_session,
    delete_visitor,
    give_feedback,
    open_session,
    purge,
    visitor,
)
from chat.history.turns import Change, Maker, add_turn, edit_turn, regenerate, retry, select

__all__ = [
    "Change",
    "Deleted",
    "Feed",
    "Maker",
    "Outcome",
    "Page",
    "Settings",
    "Shown",
    "Taken",
    "Task",
    "add_turn",
    "around",
    "begin",
    "change_session",
    "checkpoint",
    "current",
    "delete_session",
    "delete_visitor",
    "edit_turn",
    "end",
    "feed",
    "give_feedback",
    "hand_on",
    "head",
    "message",
    "message_object",
    "open_session",
    "owned",
    "page",
    "purge",
    "regenerate",
    "renew",
    "retry",
    "search",
    "select",
    "session",
    "session_object",
    "sessions",
    "take_over",
    "task",
    "visitor",
    "want_stop",
    "whole",
]
