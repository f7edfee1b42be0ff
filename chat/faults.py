"""What a cache or a Redis may raise when it cannot be used, which never ends a conversation."""

import logging
from functools import cache

from django.conf import settings

logger = logging.getLogger(__name__)


@cache
def redis_faults() -> tuple[type[Exception], ...]:
    """Return the exceptions to do without a Redis for. The library, 11 MB in memory, is loaded only if there is one."""
    if not settings.REDIS_URL:
        return (OSError,)
    from redis.exceptions import RedisError  # noqa: PLC0415

    return (OSError, RedisError)


class Outage:
    """Logs when something begins to fail and when it works again, however often it is tried meanwhile."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._failing = False

    def failed(self, error: Exception) -> None:
        """Note that a try failed."""
        if not self._failing:
            logger.warning("%s does not answer, and is done without: %s", self._what, error)
        self._failing = True

    def worked(self) -> None:
        """Note that a try worked."""
        if self._failing:
            logger.warning("%s answers again", self._what)
        self._failing = False
