"""Errors under /api in one shape, those of the framework too; each request counted and logged; the session's cookie."""

import logging
import secrets
from collections.abc import Awaitable
from functools import partial
from http import HTTPStatus
from time import perf_counter
from typing import cast

from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from chat import logs, metrics, threads
from chat.around import End, around
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


class Cookies(SessionMiddleware):
    """Django's, which keeps sessions in `chat.threads`: in a thread for each request it makes a connection for each."""

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer on the event loop."""
        self.process_request(request)
        response = await cast("Awaitable[HttpResponse]", self.get_response(request))
        if request.session.modified:
            return await threads.write(self.process_response, request, response)
        return self.process_response(request, response)


@around
def api_errors(request: HttpRequest) -> End:
    """Give what is not yet `{code, detail}` that shape."""
    return partial(_shaped, request)


def _shaped(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    framework = response.status_code >= HTTPStatus.BAD_REQUEST and response["Content-Type"] != "application/json"
    if not framework or not request.path_info.startswith("/api/") or not isinstance(response, HttpResponse):
        return response
    code = CODES.get(HTTPStatus(response.status_code), Code.BAD_REQUEST)
    shaped = failure(code, f"{HTTPStatus(response.status_code).phrase}.", response.status_code)
    if "Allow" in response:
        shaped["Allow"] = response["Allow"]
    return shaped


@around
def told(request: HttpRequest) -> End:
    """Count and log each request by its route, which holds no id, and give it a mark by which its lines are found.

    It is named as the proxy before this server names it, hashed, or by chance.
    """
    logs.bind(request=logs.mark(request.headers.get("X-Request-ID") or secrets.token_hex(8)))
    return partial(_tell, request, perf_counter())


def _tell(request: HttpRequest, began: float, response: HttpResponseBase) -> HttpResponseBase:
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
