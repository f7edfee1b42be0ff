"""What a cache or a Redis may raise when it cannot be used, which never ends a conversation."""

from functools import cache

from django.conf import settings


@cache
def redis_faults() -> tuple[type[Exception], ...]:
    """Return the exceptions to do without a Redis for. The library, 11 MB in memory, is loaded only if there is one."""
    if not settings.REDIS_URL:
        return (OSError,)
    from redis.exceptions import RedisError  # noqa: PLC0415

    return (OSError, RedisError)
