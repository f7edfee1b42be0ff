"""Text generation: every way to reach a model, behind one interface. Knows nothing of chat.

`generators["default"]` is a configured model. By hand: `generate("...")`, `stream("...")`, the same with an `a` before
it for async code, and `models()`.
"""

from gptj.backends.base import Backend, Condition, Event, Finished, Piece, Sampling, State, Turn
from gptj.registry import generators
from gptj.shortcuts import agenerate, astream, generate, models, stream

__all__ = [
    "Backend",
    "Condition",
    "Event",
    "Finished",
    "Piece",
    "Sampling",
    "State",
    "Turn",
    "agenerate",
    "astream",
    "generate",
    "generators",
    "models",
    "stream",
]
