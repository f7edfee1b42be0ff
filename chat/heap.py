"""Memory from the C library, without the gaps that grow in it for hours.

Whoever reads from a connection asks for room, 64 KB in Twisted and 256 KB in asyncio, and gives back all but the few
bytes that came. Where something else takes a little of it, there is no room any more for the next, and the heap grows.
"""

import ctypes
import platform
from asyncio import selector_events

M_ARENA_MAX = -8  # mallopt(3)
READ_BYTES = 16_384  # room for what came from Redis or from a model; the rest of more is read next


def share_one_heap() -> None:
    """Let the threads that will be started take memory from the main one's heap.

    glibc's own way is a heap for each of up to eight a core, in which what one needed for a moment stays as gaps.
    """
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


def give_back() -> None:
    """Give the kernel the pages in which nothing is; takes 3 ms of CPU for 20 MB."""
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)


def read_little_at_once() -> None:
    """Let asyncio's connections ask for less room. For 256 KB glibc asks the kernel each time, which takes 13 µs."""
    selector_events._SelectorTransport.max_size = READ_BYTES  # type: ignore[attr-defined]  # noqa: SLF001 (no other way)
