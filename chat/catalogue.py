"""The models one can talk with, and the limits, as the wire has them."""

from django.conf import settings

from chat import protocol
from gptj import generators


def models() -> list[protocol.Model]:
    """Return every configured model with its state now."""
    return [model(alias) for alias in generators]


def model(alias: str) -> protocol.Model:
    """Return one configured model. Raises gptj's UnknownModel."""
    backend = generators[alias]
    state = backend.state
    return protocol.Model(
        alias=alias,
        label=backend.label,
        context_window=backend.context_window,
        max_new_tokens=backend.max_new_tokens,
        streams=backend.streams,
        state=state.condition.value,
        progress=state.progress,
        detail=state.detail,
    )


def limits() -> protocol.Limits:
    """Return how much one visitor may."""
    return protocol.Limits(**{name: settings.LIMITS[name] for name in protocol.Limits.model_fields})
