"""Errors under /api in one shape, those of the framework too."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from inspect import iscoroutinefunction

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from chat.protocol import Code
from chat.views import failure

CODES = {
    HTTPStatus.UNAUTHORIZED: Code.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN: Code.FORBIDDEN,
    HTTPStatus.NOT_FOUND: Code.NOT_FOUND,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Code.TOO_LARGE,
}

Sync = Callable[[HttpRequest], HttpResponseBase]
Async = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def api_errors(get_response: Sync | Async) -> Sync | Async:
    """Give what is not yet `{code, detail}` that shape."""
    if iscoroutinefunction(get_response):

        async def later(request: HttpRequest) -> HttpResponseBase:
            return _shaped(request, await get_response(request))

        return later

    def now(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        assert isinstance(response, HttpResponseBase)  # noqa: S101 (for the type checker: sync in, sync out)
        return _shaped(request, response)

    return now


def _shaped(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    framework = response.status_code >= HTTPStatus.BAD_REQUEST and response["Content-Type"] != "application/json"
    if not framework or not request.path_info.startswith("/api/") or not isinstance(response, HttpResponse):
        return response
    code = CODES.get(HTTPStatus(response.status_code), Code.BAD_REQUEST)
    shaped = failure(code, f"{HTTPStatus(response.status_code).phrase}.", response.status_code)
    if "Allow" in response:
        shaped["Allow"] = response["Allow"]
    return shaped
