"""What browsers are told never to do with a response: one policy for all of it, and two pages that need more."""

from functools import partial

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from chat.around import End, around

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


@around
def safe(request: HttpRequest) -> End:
    """Send the policies with every response, static files and errors too."""
    return partial(_told, request)


def _told(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    response.headers.setdefault("Content-Security-Policy", policy(request.path_info))
    response.headers.setdefault("Permissions-Policy", PERMISSIONS)
    response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    return response
