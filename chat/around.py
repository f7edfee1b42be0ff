"""Middleware out of one function, for requests that are answered in a thread or on the event loop alike."""

from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

End = Callable[[HttpResponseBase], HttpResponseBase]
Answer = Callable[[HttpRequest], HttpResponseBase]
LaterAnswer = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


def around(begin: Callable[[HttpRequest], End]) -> Callable[[Answer | LaterAnswer], Answer | LaterAnswer]:
    """Make a middleware of what is done when a request comes, which returns what is to be done to its response."""

    @sync_and_async_middleware
    def middleware(get_response: Answer | LaterAnswer) -> Answer | LaterAnswer:
        if iscoroutinefunction(get_response):

            async def later(request: HttpRequest) -> HttpResponseBase:
                end = begin(request)
                return end(await get_response(request))

            return later

        def now(request: HttpRequest) -> HttpResponseBase:
            end = begin(request)
            response = get_response(request)
            assert isinstance(response, HttpResponseBase)  # noqa: S101 (for the type checker: sync in, sync out)
            return end(response)

        return now

    return middleware
