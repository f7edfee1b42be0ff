"""The settings of this app beside GPTJ_MODELS, and what holds where a project has not set them."""

from typing import Any

from django.conf import settings

DEFAULTS: dict[str, Any] = {
    "GPTJ_CONNECT_TIMEOUT_S": 5.0,
    "GPTJ_FIRST_TOKEN_TIMEOUT_S": 60.0,
    "GPTJ_GAP_TIMEOUT_S": 30.0,  # between two tokens
    "GPTJ_TOTAL_TIMEOUT_S": 180.0,  # a whole reply, where a model's URL does not say timeout_s
    "GPTJ_RETRY_AFTER_S": (0.25, 1.0),  # one retry each, before the first token only
    "GPTJ_FALLBACK": "",  # alias of the model that answers while another is down
}


def setting(name: str) -> Any:
    """Return that setting."""
    return getattr(settings, name, DEFAULTS[name])
