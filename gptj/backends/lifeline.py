"""Ties a child process to its parent: read the configuration, report, and die when the parent does.

Imported by the files that run alone as a child process; needs nothing but the standard library.
"""

import ctypes
import json
import os
import signal
import sys
import threading
from typing import Any, NoReturn

PR_SET_PDEATHSIG = 1  # linux/prctl.h
NICENESS = 5  # the web process goes first


def tie() -> dict[str, Any]:
    """Return the configuration from standard input; from now on this process ends when that is closed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # Ctrl-C in a terminal reaches the whole process group; who ends this process is the parent.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
    config: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    if os.getppid() != config["parent"]:  # it died before the call above
        os._exit(0)
    threading.Thread(target=_wait_for_the_end, daemon=True).start()
    return config


def report(**what: Any) -> None:
    """Tell the parent."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def threads() -> int:
    """Return how many threads may compute at once: the cores that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        with open("/sys/fs/cgroup/cpu.max") as file:  # noqa: PTH123 (no pathlib for a quick start)
            quota, period = file.read().split()
        return max(1, min(cores, -(-int(quota) // int(period))))
    except (OSError, ValueError):  # no cgroup 2, or "max"
        return cores


def wait() -> NoReturn:
    """Let other threads work until the parent ends this process."""
    while True:
        signal.pause()


def _wait_for_the_end() -> None:
    sys.stdin.buffer.read()
    os._exit(0)
