"""What browsers are told never to do with a response: one policy for all of it, and two pages that need more."""

from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

Sync = Callable[[HttpRequest], HttpResponseBase]
Async = Callable[[HttpRequest], Awaitable[HttpResponseBase]]

STRICT = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "font-src": "'self'",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "worker-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
MORE = {
    # Unfold: Alpine's ordinary build compiles the expressions in its attributes, and its templates style elements.
    "/admin/": {"script-src": "'self' 'unsafe-eval'", "style-src": "'self' 'unsafe-inline'", "img-src": "'self' data:"},
    "/api/docs": {"img-src": "'self' data:"},  # swagger-ui.css draws its icons so
}
# What the page never uses, nor anything within it. Copying to the clipboard is left as it is.
NEVER = (
    "accelerometer",
    "browsing-topics",
    "camera",
    "display-capture",
    "encrypted-media",
    "geolocation",
    "gyroscope",
    "hid",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "publickey-credentials-get",
    "screen-wake-lock",
    "serial",
    "usb",
    "xr-spatial-tracking",
)
PERMISSIONS = ", ".join(f"{feature}=()" for feature in NEVER)


def policy(path: str) -> str:
    """Return the Content-Security-Policy of what stands at a path."""
    more = next((more for start, more in MORE.items() if path.startswith(start)), {})
    return "; ".join(f"{name} {allowed}" for name, allowed in {**STRICT, **more}.items())


@sync_and_async_middleware
def safe(get_response: Sync | Async) -> Sync | Async:
    """Send the policies with every response, static files and errors too."""
    if iscoroutinefunction(get_response):

        async def later(request: HttpRequest) -> HttpResponseBase:
            return _told(request, await get_response(request))

        return later

    def now(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        assert isinstance(response, HttpResponseBase)  # noqa: S101 (for the type checker: sync in, sync out)
        return _told(request, response)

    return now


def _told(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    response.headers.setdefault("Content-Security-Policy", policy(request.path_info))
    response.headers.setdefault("Permissions-Policy", PERMISSIONS)
    response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    return response
