"""Errors of the HTTP API, each as `{code, detail}` with the fitting status."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from chat import protocol
from chat.protocol import Code, Refused
from chat.views import csrf_failure, failure

STATUS = {
    Code.BAD_REQUEST: HTTPStatus.BAD_REQUEST,
    Code.CSRF: HTTPStatus.FORBIDDEN,
    Code.FORBIDDEN: HTTPStatus.FORBIDDEN,
    Code.NAME_REQUIRED: HTTPStatus.UNPROCESSABLE_ENTITY,
    Code.UNKNOWN_MODEL: HTTPStatus.UNPROCESSABLE_ENTITY,
    Code.TOO_LONG: HTTPStatus.UNPROCESSABLE_ENTITY,
    Code.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    Code.UNAUTHORIZED: HTTPStatus.UNAUTHORIZED,
    Code.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Code.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}


def handle(api: NinjaAPI) -> None:
    """Have `api` answer what is raised."""
    api.exception_handler(Refused)(_refused)
    api.exception_handler(ValidationError)(_invalid)
    api.exception_handler(HttpError)(_http_error)


def _refused(request: HttpRequest, refused: Refused) -> HttpResponse:
    status = STATUS.get(refused.code, HTTPStatus.BAD_REQUEST)
    return failure(refused.code, refused.detail, status, retry_after_s=refused.retry_after_s)


def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    first = error.errors[0]
    detail = protocol.fault_told(first["loc"][2:] or first["loc"][1:], first["msg"])
    return failure(Code.BAD_REQUEST, detail, HTTPStatus.UNPROCESSABLE_ENTITY)


def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    if error.status_code == HTTPStatus.FORBIDDEN:  # Ninja's own is for CSRF alone
        return csrf_failure(request)
    return failure(Code.BAD_REQUEST, error.message, error.status_code)
