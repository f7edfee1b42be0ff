"""`manage.py check` tries every configured model's URL and options.

gptj.E001  the URL names no known backend
gptj.E002  an option is unknown or out of range
gptj.E003  the URL's address may not be called
gptj.E004  GPTJ_FALLBACK names no configured model
gptj.E005  there is no model called "default"
gptj.E006  a timeout is not above 0
gptj.W001  the embedded model cannot run on this machine
gptj.W002  GPT-J itself cannot run on this machine
"""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from gptj.conf import DEFAULTS, setting
from gptj.exceptions import Misconfigured
from gptj.registry import make


@register
def check_models(**_kwargs: Any) -> list[CheckMessage]:
    """Try to make each configured model."""
    messages: list[CheckMessage] = []
    for alias, config in settings.GPTJ_MODELS.items():
        messages += _check_model(alias, config)
    if "default" not in settings.GPTJ_MODELS:
        messages.append(Error('GPTJ_MODELS has no "default".', hint="Set GPTJ_URL.", id="gptj.E005"))
    return [*messages, *_check_fallback(settings.GPTJ_MODELS), *_check_timeouts()]


def _check_model(alias: str, config: dict[str, str]) -> Sequence[CheckMessage]:
    try:
        return make(alias, config).check()
    except Misconfigured as error:
        return [Error(f"Model {alias!r}: {error.detail}", hint=error.hint or None, id=error.check_id)]


def _check_fallback(models: dict[str, Any]) -> list[CheckMessage]:
    alias = setting("GPTJ_FALLBACK")
    if not alias or alias in models:
        return []
    hint = f"Choose one of {', '.join(models)}."
    return [Error(f"GPTJ_FALLBACK is {alias!r}, which is not configured.", hint=hint, id="gptj.E004")]


def _check_timeouts() -> list[CheckMessage]:
    names = [name for name in DEFAULTS if name.endswith("_TIMEOUT_S") and not setting(name) > 0]
    return [Error(f"{name} is not above 0.", hint="It is a number of seconds.", id="gptj.E006") for name in names]
