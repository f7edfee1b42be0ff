"""Text generation: every way to reach a model, behind one interface. Knows nothing of chat."""

from gptj.backends.base import Backend, Condition, Event, Finished, Piece, Sampling, State, Turn

__all__ = ["Backend", "Condition", "Event", "Finished", "Piece", "Sampling", "State", "Turn"]
