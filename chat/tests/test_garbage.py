"""What the garbage collector has to look at, and how often."""

import gc
from collections.abc import Iterator

import pytest

from chat import garbage


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Leave the collector as it was."""
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def test_what_is_loaded_is_no_work_for_it() -> None:
    garbage.pass_over_what_is_loaded()
    assert gc.get_freeze_count() > 10_000
    assert len(gc.get_objects()) < 10_000


@pytest.mark.parametrize(("sockets", "looks"), [(0, 10), (500, 10), (5000, 100)])
def test_it_looks_at_everything_the_more_seldom_the_more_sockets_are_open(sockets: int, looks: int) -> None:
    garbage.heed(sockets)
    assert gc.get_threshold() == (1000, 10, looks)
