"""A whole conversation as a file. Pure."""

import json
from collections.abc import Sequence

from chat.protocol import Message, Session


def as_markdown(session: Session, messages: Sequence[Message]) -> str:
    """Return one branch to read: who said what, in turn."""
    names = {"user": session.visitor_name, "assistant": "Assistant"}
    parts = [f"# {session.title or 'Untitled'}", f"{session.created_at:%Y-%m-%d %H:%M} UTC, model {session.model}"]
    for message in messages:
        note = "" if message.status == "complete" else f" ({message.status})"
        parts.append(f"## {names[message.role]}{note}")
        parts.append(message.text.strip() or "…")
    return "\n\n".join(parts) + "\n"


def as_json(session: Session, messages: Sequence[Message]) -> str:
    """Return the session and every message of it, as the API has them."""
    document = {
        "session": session.model_dump(mode="json"),
        "messages": [message.model_dump(mode="json") for message in messages],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def filename(session: Session, ending: str) -> str:
    """Return a name that every system takes: ASCII letters, digits and dashes."""
    words = "".join(char if char.isascii() and char.isalnum() else " " for char in session.title).split()
    return f"{'-'.join(words)[:60] or 'conversation'}.{ending}"
