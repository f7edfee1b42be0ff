"""What the model is shown: the latest turns that fit its context window. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

CUT_TO = (
    0.6  # of the budget: after a cut the beginning stays the same for many turns, and the server's cached prefix hits
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One turn of the conversation, and the message that it is."""

    id: UUID
    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The turns that are shown, oldest first, and how many tokens they take up."""

    said: Sequence[Said]
    tokens: int


class PromptTooLong(Exception):
    """The last turn alone exceeds the budget."""

    def __init__(self, tokens: int, budget_tokens: int) -> None:
        super().__init__(f"This message is {tokens} tokens long; the model can read {budget_tokens} at once.")
        self.tokens = tokens
        self.budget_tokens = budget_tokens


def fit(said: Sequence[Said], costs: Sequence[int], *, budget_tokens: int) -> Window:
    """Choose what the model is shown: all of `said` while that fits, else its newest turns within 60 % of the budget.

    `said` begins where the reply above on this branch began, so that the prompt's beginning stays the same until it
    must be cut; `costs` are its tokens, turn by turn. Turns are whole, a window begins with what a person said, and
    the last turn is always in it. Raises PromptTooLong if that alone exceeds the budget.
    """
    if costs[-1] > budget_tokens:
        raise PromptTooLong(costs[-1], budget_tokens)
    total = sum(costs)
    if total <= budget_tokens:
        return Window(said=said, tokens=total)
    start = _newest(said, costs, int(budget_tokens * CUT_TO))
    return Window(said=said[start:], tokens=sum(costs[start:]))


def _newest(said: Sequence[Said], costs: Sequence[int], tokens: int) -> int:
    """Return where the newest turns within `tokens` begin: at what a person said, at the latest at the last turn."""
    start, held = len(said) - 1, costs[-1]
    for index in range(len(said) - 2, -1, -1):
        held += costs[index]
        if held > tokens:
            break
        if said[index].role == "user":
            start = index
    return start
