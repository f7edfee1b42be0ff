"""The page, the probes, and errors in the API's own shape."""

import asyncio
import ipaddress
import logging
from http import HTTPStatus

from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import RequestDataTooBig
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from chat import threads
from chat.faults import redis_faults
from chat.process import process
from chat.protocol import Code, Refused
from gptj import Condition, generators

logger = logging.getLogger(__name__)

PROBE_S = 2.0  # for each part to answer


@never_cache
@ensure_csrf_cookie
def page(request: HttpRequest, session: str = "") -> HttpResponse:
    """The React page; which session it opens, it reads from its address."""
    return render(request, "chat/index.html")


def service_worker(request: HttpRequest) -> HttpResponse:
    """What keeps the page's shell in the browser: written by the build; at the root, so that every page is its own."""
    try:
        script = (settings.PAGE_DIR / ".vite" / "sw.js").read_bytes()
    except FileNotFoundError:
        raise Http404 from None
    return HttpResponse(script, content_type="text/javascript", headers={"Cache-Control": "no-cache"})


async def healthz(request: HttpRequest) -> HttpResponse:
    """200 while the process serves; touches nothing."""
    return HttpResponse("ok\n", content_type="text/plain")


async def readyz(request: HttpRequest) -> HttpResponse:
    """Whether chat works: 503 without the database, and while the process goes down."""
    database, cached, layer = await asyncio.gather(_database(), _cache(), _layer())
    states = {generators[alias].state.condition for alias in generators}
    model = next((each for each in _WORST_FIRST if each in states), Condition.OK)
    ready = database == Condition.OK and not process.draining
    report = {"database": database, "cache": cached, "channel_layer": layer, "model": model}
    response = JsonResponse(report, status=HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE)
    if not ready:
        response["Retry-After"] = "5"
    return response


_WORST_FIRST = (Condition.DOWN, Condition.DEGRADED, Condition.LOADING)


async def _database() -> Condition:
    try:
        async with asyncio.timeout(PROBE_S):
            await threads.read(_select_one)
    except (Refused, TimeoutError):
        return Condition.DOWN
    return Condition.OK


def _select_one() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


async def _cache() -> Condition:
    """A cache that does not answer is `degraded`: chat goes on without it."""
    faults: tuple[type[Exception], ...] = (*redis_faults(), TimeoutError, Refused)
    try:
        async with asyncio.timeout(PROBE_S):
            await threads.read(cache.get, "readyz")
    except faults:
        return Condition.DEGRADED
    return Condition.OK


async def _layer() -> Condition:
    if not settings.REDIS_URL:
        return Condition.OK
    from redis.asyncio import Redis  # noqa: PLC0415 (loaded only if there is one)

    faults: tuple[type[Exception], ...] = (*redis_faults(), TimeoutError)
    try:
        async with asyncio.timeout(PROBE_S), Redis.from_url(settings.REDIS_URL) as redis:
            await redis.get("readyz")
    except faults:
        return Condition.DEGRADED
    return Condition.OK


# --- Metrics ---------------------------------------------------------------------------------------------------------


@never_cache
async def metrics(request: HttpRequest) -> HttpResponse:
    """What Prometheus gathers: for this machine, and for who has METRICS_TOKEN."""
    if not _from_here(request) and not _has_token(request):
        refused = failure(Code.UNAUTHORIZED, "Send METRICS_TOKEN as a bearer token.", HTTPStatus.UNAUTHORIZED)
        refused["WWW-Authenticate"] = "Bearer"
        return refused
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _from_here(request: HttpRequest) -> bool:
    """Tell whether this machine asks. One that passes on what others ask says so by a header, trusted or not."""
    passed_on = any(name in request.headers for name in ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"))
    try:
        return not passed_on and ipaddress.ip_address(request.META["REMOTE_ADDR"]).is_loopback
    except (KeyError, ValueError):
        return False


def _has_token(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    expected: str = settings.METRICS_TOKEN
    return bool(expected) and scheme.lower() == "bearer" and constant_time_compare(token.strip(), expected)


# --- Errors ----------------------------------------------------------------------------------------------------------


def failure(code: str, detail: str, status: int, *, retry_after_s: float | None = None) -> JsonResponse:
    """Return an error as every error of this server is: `{code, detail}`."""
    response = JsonResponse({"code": code, "detail": detail}, status=status)
    if retry_after_s is not None:
        response["Retry-After"] = str(max(1, round(retry_after_s)))
    return response


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer an unsafe call without Django's CSRF token."""
    detail = "Send the csrftoken cookie's value as X-CSRFToken; GET /api/me sets the cookie."
    return failure(Code.CSRF, detail, HTTPStatus.FORBIDDEN)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer what Django could not read, or would not."""
    if isinstance(exception, RequestDataTooBig):
        return failure(Code.TOO_LARGE, "The request is too large.", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return failure(Code.BAD_REQUEST, "The request cannot be understood.", HTTPStatus.BAD_REQUEST)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer what is not allowed."""
    return failure(Code.FORBIDDEN, "That is not allowed.", HTTPStatus.FORBIDDEN)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer a path that leads nowhere."""
    if _is_read_by_a_person(request):
        return _wrong(request, HTTPStatus.NOT_FOUND)
    return failure(Code.NOT_FOUND, "There is nothing here.", HTTPStatus.NOT_FOUND)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer when something broke."""
    if _is_read_by_a_person(request):
        return _wrong(request, HTTPStatus.INTERNAL_SERVER_ERROR)
    detail = "Something went wrong here; the log says what."
    return failure(Code.INTERNAL, detail, HTTPStatus.INTERNAL_SERVER_ERROR)


def _is_read_by_a_person(request: HttpRequest) -> bool:
    """Tell whether a browser asks for a page, by its own words: a program that takes anything gets JSON."""
    return not request.path.startswith("/api/") and "text/html" in request.headers.get("Accept", "")


def _wrong(request: HttpRequest, status: HTTPStatus) -> HttpResponse:
    """Return a page that needs no script, in German where the browser asks for that first."""
    theme = request.COOKIES.get("theme")
    words = {
        "status": status,
        "german": request.headers.get("Accept-Language", "").lower().startswith("de"),
        "theme": theme if theme in {"light", "dark"} else None,
    }
    response = render(request, "chat/wrong.html", words, status=status)
    patch_vary_headers(response, ("Accept", "Accept-Language", "Cookie"))
    return response
