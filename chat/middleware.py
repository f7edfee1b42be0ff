"""Errors under /api in one shape, those of the framework too; and each request counted and logged."""

import logging
import secrets
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from inspect import iscoroutinefunction
from time import perf_counter

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from chat import logs, metrics
from chat.protocol import Code
from chat.views import failure

logger = logging.getLogger(__name__)

PROBES = {"healthz", "readyz", "metrics"}  # asked every few seconds: counted, not logged
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


@sync_and_async_middleware
def told(get_response: Sync | Async) -> Sync | Async:
    """Count and log each request by its route, which holds no id, and give it a mark by which its lines are found."""
    if iscoroutinefunction(get_response):

        async def later(request: HttpRequest) -> HttpResponseBase:
            began = _begin(request)
            return _tell(request, await get_response(request), began)

        return later

    def now(request: HttpRequest) -> HttpResponseBase:
        began = _begin(request)
        response = get_response(request)
        assert isinstance(response, HttpResponseBase)  # noqa: S101 (for the type checker: sync in, sync out)
        return _tell(request, response, began)

    return now


def _begin(request: HttpRequest) -> float:
    """Name the request as the proxy before this server does, hashed, or by chance."""
    logs.bind(request=logs.mark(request.headers.get("X-Request-ID") or secrets.token_hex(8)))
    return perf_counter()


def _tell(request: HttpRequest, response: HttpResponseBase, began: float) -> HttpResponseBase:
    took_s = perf_counter() - began
    route = request.resolver_match.route if request.resolver_match else "none"
    metrics.REQUESTS.labels(route, response.status_code).inc()
    metrics.REQUEST.labels(route).observe(took_s)
    if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        response.headers["X-Request-ID"] = logs.bound("request")
    if route not in PROBES and (route != "none" or response.status_code >= HTTPStatus.BAD_REQUEST):
        extra = {"method": request.method, "route": route, "status": response.status_code, "ms": round(took_s * 1000)}
        logger.info("A request was answered", extra=extra)
    return response
