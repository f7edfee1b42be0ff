"""A child process that serves a model over loopback, supervised: started, watched, started again, ended.

The child is a Python file that is run alone, without this package. It reads its configuration, one line of JSON, from
standard input and ends when that is closed; it writes reports, each one line of JSON, to standard output:
`{"ready": port}` or `{"failed": "a sentence for a person"}`. All else that it writes is kept for the log.
"""

import contextlib
import json
import logging
import os
import select
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, cast

log = logging.getLogger(__name__)

STEADY_S = 60.0  # who lived so long dies for the first time again
FIRST_BACK_OFF_S = 0.5  # before the second start in a row, then doubling
LONGEST_BACK_OFF_S = 30.0
PROGRESS_S = 0.2  # between two looks at how much is loaded
END_S = 3.0  # for a child to end by itself


class Supervisor:
    """Keeps one child alive. Its callbacks come from a thread of its own.

    That thread makes the child and waits for it, since PR_SET_PDEATHSIG tells a child of the death of the *thread* that
    made it (prctl(2)).
    """

    def __init__(
        self,
        program: Path,
        config: Callable[[], Mapping[str, Any]],
        *,
        loading: Callable[[float | None], None],
        ready: Callable[[int], None],
        down: Callable[[str], None],
        file: Path | None = None,
    ) -> None:
        """`config` is asked before each start; `loading` hears the share of `file` in memory, `ready` the port."""
        self._program = program
        self._config = config
        self._loading = loading
        self._ready = ready
        self._down = down
        self._file = file
        self._failed = ""  # why the last child could not work at all
        self._closing = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    @property
    def pid(self) -> int | None:
        """The child's process id while it lives."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    def start(self) -> None:
        """Begin to supervise, unless that is going on. Returns at once."""
        with self._lock:
            if self._thread is None:
                self._closing.clear()
                self._thread = threading.Thread(target=self._run, name="gptj child", daemon=True)
                self._thread.start()

    def kill(self) -> None:
        """Kill the child, which does not answer any more; another is started."""
        process = self._process
        if process is not None:
            process.kill()

    def close(self) -> None:
        """End the child and the supervision. Blocks for at most some seconds."""
        with self._lock:
            thread, self._thread = self._thread, None
            self._closing.set()
            process = self._process
            if process is not None and process.stdin is not None:
                with contextlib.suppress(OSError):
                    process.stdin.close()
            if thread is not None:
                thread.join(END_S)
                if thread.is_alive():
                    self.kill()
                    thread.join()

    def _run(self) -> None:
        deaths = 0
        while not self._closing.is_set():
            begun = time.monotonic()
            self._progress(None)
            self._failed = self._live()
            if self._closing.is_set():
                return
            deaths = 1 if time.monotonic() - begun > STEADY_S else deaths + 1
            pause_s = min(FIRST_BACK_OFF_S * 2 ** max(deaths - 2, 0), LONGEST_BACK_OFF_S)
            if deaths > 1 or self._failed:
                self._down(self._failed or f"The model's process ended {deaths} times; it is started again soon.")
                self._closing.wait(pause_s)

    def _progress(self, share: float | None) -> None:
        """Tell that the model is being loaded; not if it failed the last time, which is then still what is wrong."""
        if not self._failed:
            self._loading(share)

    def _live(self) -> str:
        """Run one child to its end. Return why it cannot work at all, or "" if it just ended."""
        try:
            process = self._process = subprocess.Popen(  # noqa: S603 (our own file)
                [sys.executable, "-P", str(self._program)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                bufsize=0,  # so that what is readable has not been read ahead
            )
        except OSError:
            log.exception("The model's process could not be started.")
            return "The model's process could not be started."
        stdin, stdout = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
        with process:
            with contextlib.suppress(OSError, ValueError):  # it died, or `close` was quicker
                stdin.write(json.dumps({**self._config(), "parent": os.getpid()}).encode() + b"\n")
            if self._closing.is_set():  # while the child was being made
                process.kill()
            failed, tail = self._listen(process.pid, stdout)
            with contextlib.suppress(OSError):
                stdin.close()
            status = process.wait()
        if not self._closing.is_set():
            log.warning(
                "The model's process %d ended with status %d. %s", process.pid, status, failed or " | ".join(tail)
            )
        return failed

    def _listen(self, pid: int, output: IO[bytes]) -> tuple[str, deque[str]]:
        """Take in the child's reports until it closes its output; return its failure, and its last words."""
        tail: deque[str] = deque(maxlen=8)
        failed = ""
        loading = True
        readable = select.poll()  # not select(), which knows no file descriptor above 1,023
        readable.register(output, select.POLLIN)
        while True:
            while loading and not readable.poll(PROGRESS_S * 1000):
                self._progress(self._share(pid))
            line = output.readline()
            if not line:
                return failed, tail
            report = _report(line)
            if "ready" in report:
                loading = False
                self._ready(int(report["ready"]))
            elif "failed" in report:
                failed = str(report["failed"])
            else:
                tail.append(line.decode(errors="replace").strip())

    def _share(self, pid: int) -> float | None:
        """Return which share of the model's file is in the child's memory, 0 to 1."""
        if self._file is None:
            return None
        try:
            status = Path(f"/proc/{pid}/status").read_text()
            total_kb = self._file.stat().st_size / 1024
            kb = int(status.partition("RssFile:")[2].split()[0])
        except (OSError, ValueError, IndexError):
            return None
        return min(kb / total_kb, 1.0) if total_kb else None


def _report(line: bytes) -> dict[str, Any]:
    try:
        report = json.loads(line)
    except ValueError:
        return {}
    return report if isinstance(report, dict) else {}
