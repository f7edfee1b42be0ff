"""What the page's main thread did, task by task, from Chromium's own trace."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import Browser, Page

CATEGORIES = ["disabled-by-default-devtools.timeline", "__metadata"]


@dataclass
class Tasks:
    """The tasks of one stretch of time, in ms each: by the clock, and by the processor's time that they took.

    The clock counts too what other processes took from a busy machine while a task was running.
    """

    clock_ms: list[float] = field(default_factory=list)
    processor_ms: list[float] = field(default_factory=list)

    def worst(self) -> dict[str, float]:
        """Return the longest, by either."""
        return {
            "tasks": len(self.clock_ms),
            "longest_task_ms": max(self.clock_ms),
            "longest_task_processor_ms": max(self.processor_ms),
            "tasks_over_50_ms": sum(each > 50 for each in self.clock_ms),
        }


@contextmanager
def traced(browser: Browser, page: Page) -> Iterator[Tasks]:
    """Collect the main thread's tasks while this lasts; there must be no other page open."""
    tasks = Tasks()
    browser.start_tracing(page=page, categories=CATEGORIES)
    try:
        yield tasks
    finally:
        events = json.loads(browser.stop_tracing())["traceEvents"]
        mains = {
            (each["pid"], each["tid"])
            for each in events
            if each["name"] == "thread_name" and each["args"]["name"] == "CrRendererMain"
        }
        for event in events:
            if event["name"] == "RunTask" and event["ph"] == "X" and (event["pid"], event["tid"]) in mains:
                tasks.clock_ms.append(event["dur"] / 1000)
                tasks.processor_ms.append(event.get("tdur", 0) / 1000)
