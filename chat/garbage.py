"""How often the garbage collector looks at everything, which holds all sockets up: half a second with 5,000 of them."""

import gc

FIRST_LOOK = 1000  # new objects until those are looked at
SECOND_LOOK = 10  # such looks until one at what they left
LOOK_AT_ALL = 10  # of those until one at everything; Python's own
SOCKETS = 50  # that put that off by one more: by 20 KB of garbage each, where all of it is


def pass_over_what_is_loaded() -> None:
    """Leave what there is out of all looks to come: it stays."""
    gc.collect()
    gc.freeze()


def heed(sockets: int) -> None:
    """Look at everything the more seldom, the more sockets are open; garbage may then be a part of what they take."""
    gc.set_threshold(FIRST_LOOK, SECOND_LOOK, max(LOOK_AT_ALL, sockets // SOCKETS))
