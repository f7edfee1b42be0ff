"""What browsers are told never to do with a response: one policy for all of it, and two places that need more."""

from functools import partial

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from chat.around import End, around

MORE = {
    # Unfold: Alpine's ordinary build compiles the expressions in its attributes, and its templates style elements.
    "/admin/": {
        "script-src": [SELF, UNSAFE_EVAL],
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:"],
    },
    "/api/docs": {"img-src": [SELF, "data:"]},  # swagger-ui.css draws its icons so
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


class Policy(CSPMiddleware):
    """django-csp's, which writes what the settings say; by the path, with what is more there."""

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        """Return what the Content-Security-Policy of a response is made of."""
        parts = super().get_policy_parts(request, response, report_only)
        parts.replace = next((more for start, more in MORE.items() if request.path_info.startswith(start)), None)
        return parts


# Called by what is around a request: as a middleware of its own it would visit another thread, twice a request.
_policy = Policy(lambda _request: HttpResponse())


@around
def safe(request: HttpRequest) -> End:
    """Send the policies with every response, static files and errors too."""
    return partial(_told, request)


def _told(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    _policy.process_response(request, response)
    response.headers.setdefault("Permissions-Policy", PERMISSIONS)
    response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    return response
