"""What is asked, checked: names and a session's settings, as they are kept."""

from django.conf import settings

from chat import history, protocol
from chat.api.objects import SessionChange
from chat.models import TITLE_LENGTH
from chat.protocol import Code, Refused
from gptj import generators

SYSTEM_PROMPT = 16_000  # UTF-16 code units; what fits is the model's to say


def name_of(name: str) -> str:
    """Return a visitor's name. Raises Refused with `name_required` or `too_long`."""
    kept = " ".join(protocol.written(name).split())
    if not kept:
        raise Refused(Code.NAME_REQUIRED, "Say a name first.")
    limit = settings.LIMITS["name"]
    if protocol.utf16_length(kept) > limit:
        raise Refused(Code.TOO_LONG, f"A name may be {limit} characters long.")
    return kept


def settings_of(asked: SessionChange) -> history.Settings:
    """Return what is to be set of a session. Raises Refused with `unknown_model` or `too_long`."""
    if asked.model is not None and asked.model not in set(generators):
        choices = ", ".join(generators)
        raise Refused(Code.UNKNOWN_MODEL, f"The model {asked.model!r} is not configured. Choose one of: {choices}.")
    prompt = None if asked.system_prompt is None else protocol.written(asked.system_prompt).strip()
    if prompt is not None and protocol.utf16_length(prompt) > SYSTEM_PROMPT:
        raise Refused(Code.TOO_LONG, f"A system prompt may be {SYSTEM_PROMPT} characters long.")
    title = None if asked.title is None else " ".join(protocol.written(asked.title).split())
    if title is not None and len(title) > TITLE_LENGTH:  # NFC makes a few letters longer
        raise Refused(Code.TOO_LONG, f"A title may be {TITLE_LENGTH} characters long.")
    return history.Settings(title=title, model=asked.model, system_prompt=prompt, sampling=asked.sampling)
