"""What the model is shown, whatever was said: within budget, whole, and the same at its beginning for long."""

from typing import Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.memory import PromptTooLong, Said, fit


def turns(count: int) -> list[Said]:
    """Return turns in alternation that end with what a person said; `count` is odd."""
    roles: list[Literal["user", "assistant"]] = ["user", "assistant"]
    return [Said(id=UUID(int=index + 1), role=roles[index % 2], text=f"turn {index}") for index in range(count)]


budgets = st.integers(1, 200)
costs_of_turns = st.lists(st.integers(1, 60), min_size=1, max_size=41).map(
    lambda costs: costs if len(costs) % 2 else costs[1:] or [1]
)


@given(costs_of_turns, budgets)
def test_the_window_is_whole_turns_to_the_last_within_the_budget(costs: list[int], budget: int) -> None:
    said = turns(len(costs))
    if costs[-1] > budget:
        with pytest.raises(PromptTooLong) as refused:
            fit(said, costs, budget_tokens=budget)
        assert (refused.value.tokens, refused.value.budget_tokens) == (costs[-1], budget)
        return
    window = fit(said, costs, budget_tokens=budget)
    shown = len(window.said)
    assert list(window.said) == said[len(said) - shown :]
    assert window.said[-1] == said[-1]
    assert window.said[0].role == "user"
    assert window.tokens == sum(costs[len(costs) - shown :]) <= budget


@given(costs_of_turns, budgets)
def test_nothing_is_dropped_while_everything_fits(costs: list[int], budget: int) -> None:
    if sum(costs) <= budget:
        assert list(fit(turns(len(costs)), costs, budget_tokens=budget).said) == turns(len(costs))


@given(costs_of_turns, budgets)
def test_a_cut_goes_down_to_60_percent_unless_the_last_turn_alone_is_more(costs: list[int], budget: int) -> None:
    if sum(costs) > budget >= costs[-1]:
        window = fit(turns(len(costs)), costs, budget_tokens=budget)
        assert window.tokens <= budget * 0.6 or len(window.said) == 1


@given(st.lists(st.tuples(st.integers(1, 12), st.integers(1, 12)), min_size=1, max_size=60))
def test_the_beginning_moves_only_when_the_budget_forces_it(exchanges: list[tuple[int, int]]) -> None:
    """Plays a conversation: each window starts from where the last began, and moves only when that no longer fits."""
    budget = 60
    said: list[Said] = []
    costs: list[int] = []
    everything = turns(2 * len(exchanges) + 1)
    for number, (asked, answered) in enumerate(exchanges):
        said.append(everything[2 * number])
        costs.append(asked)
        fitted = sum(costs) <= budget
        window = fit(said, costs, budget_tokens=budget)
        assert (window.said[0] == said[0]) == fitted or len(said) == len(window.said)
        dropped = len(said) - len(window.said)
        said, costs = said[dropped:], costs[dropped:]
        said.append(everything[2 * number + 1])
        costs.append(answered)


def test_a_long_conversation_is_cut_rarely() -> None:
    said, costs, cuts = turns(201), [5] * 201, 0
    start = 0
    for end in range(1, 202, 2):
        window = fit(said[start:end], costs[start:end], budget_tokens=100)
        began = end - len(window.said)
        cuts += began != start
        start = began
    assert 15 <= cuts <= 25  # 200 turns of 5 tokens past 100; a cut frees 40
