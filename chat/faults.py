"""What a cache or a Redis may raise when it cannot be used, which never ends a conversation."""

import logging
from functools import cache
from time import monotonic

from django.conf import settings

from chat.metrics import PART_FAILURES

logger = logging.getLogger(__name__)

REST_S = 3.0  # for what fails, before it is tried again


@cache
def redis_faults() -> tuple[type[Exception], ...]:
    """Return the exceptions to do without a Redis for. The library, 11 MB in memory, is loaded only if there is one."""
    if not settings.REDIS_URL:
        return (OSError,)
    from redis.exceptions import RedisError  # noqa: PLC0415

    return (OSError, RedisError)


class Outage:
    """Logs when something begins to fail and when it works again, however often it is tried meanwhile."""

    def __init__(self, what: str, part: str) -> None:
        """`what` is for people, `part` for the metrics."""
        self._what = what
        self._failures = PART_FAILURES.labels(part)
        self._failing = False
        self._failed_at = 0.0

    @property
    def resting(self) -> bool:
        """Whether it failed so lately that another try would only cost its time."""
        return self._failing and monotonic() - self._failed_at < REST_S

    def failed(self, error: Exception) -> None:
        """Note that a try failed."""
        self._failures.inc()
        if not self._failing:
            logger.warning("%s does not answer, and is done without: %s", self._what, error)
        self._failing = True
        self._failed_at = monotonic()

    def worked(self) -> None:
        """Note that a try worked."""
        if self._failing:
            logger.warning("%s answers again", self._what)
        self._failing = False
