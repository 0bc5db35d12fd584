"""From exceptions to responses: which status each one means, what the client may read, what is logged.

No input of a client makes a 5xx: what its values caused is answered with 4xx even where the handler did not check.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final

from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import ClientDisconnect as StarletteDisconnect

from covet.exceptions import (
    BadRequest,
    ClientDisconnect,
    DatabaseError,
    DataError,
    FieldError,
    Http404,
    HTTPException,
    IntegrityError,
    InterfaceError,
    ObjectDoesNotExist,
    OperationalError,
    PermissionDenied,
    RequestDataTooBig,
    Resolver404,
    SuspiciousOperation,
    ValidationError,
)
from covet.http.request import Request

logger = logging.getLogger("covet.request")
security_logger = logging.getLogger("covet.security")

DISK_FULL: Final = "53100"
SERVER_ERROR: Final = 500

_STATUSES: Final[tuple[tuple[type[BaseException], int], ...]] = (
    (Http404, 404),
    (ObjectDoesNotExist, 404),
    (PermissionDenied, 403),
    (RequestDataTooBig, 413),
    (SuspiciousOperation, 400),
    (BadRequest, 400),
    (ValidationError, 400),
    (IntegrityError, 409),
    (DataError, 400),
    (OperationalError, 503),
    (InterfaceError, 503),
)

# What converting a client's text raises without quoting it.
_UNQUOTED: Final = re.compile(
    r"Exceeds the limit|badly formed hexadecimal UUID|embedded null|out of range|too large to convert|"
    r"surrogates not allowed|unconverted data remains|must be in \d"
)
_QUOTED: Final = re.compile(r"'([^']*)'|\"([^\"]*)\"")
# int() cuts what it quotes after 200 characters, the closing quote with it.
_CUT: Final = re.compile(r"['\"]([^'\"]{100,})\Z")
_SEPARATORS: Final = re.compile(r"[,;:\s/+-]+")
CLIENT_ERRORS: Final = (ValueError, KeyError, FieldError, OverflowError, ArithmeticError)
EXPECTED: Final = "' expected a"
INVALID_LOOKUPS: Final = "The following kwargs are invalid"
SHOWN: Final = (HTTPException, BadRequest, PermissionDenied, ValidationError)


class Failure:
    """An exception as an answer.

    Attributes:
        status: the status code.
        message: what the client may read.
        errors: messages by field, for validation.
        headers: further headers.
        error: the exception.
    """

    def __init__(self, error: Exception, request: Request) -> None:
        self.error = error
        self.headers: dict[str, str] = {}
        self.errors: Any = None
        self.status = self._status(error, request)
        self.message = self._message(error)
        if self.status == HTTPStatus.SERVICE_UNAVAILABLE:
            self.headers["Retry-After"] = "1"

    def _status(self, error: Exception, request: Request) -> int:
        if isinstance(error, (HTTPException, StarletteHTTPException)):
            self.headers.update(error.headers or {})
            return error.status_code
        own = getattr(error, "status_code", None)
        if isinstance(own, int) and not isinstance(error, DatabaseError):
            return own
        if isinstance(error, DatabaseError) and error.sqlstate == DISK_FULL:
            return HTTPStatus.INSUFFICIENT_STORAGE
        for kind, status in _STATUSES:
            if isinstance(error, kind):
                return status
        if _is_pydantic(error):
            return HTTPStatus.BAD_REQUEST
        return HTTPStatus.BAD_REQUEST if caused_by_client(error, request) else SERVER_ERROR

    def _message(self, error: Exception) -> str:
        words = phrase(self.status)
        if isinstance(error, ValidationError):
            self.errors = error.message_dict if hasattr(error, "error_dict") else error.messages
            return "; ".join(error.messages) or words
        if _is_pydantic(error):
            self.errors = _pydantic_errors(error)
            return "; ".join(f"{name}: {', '.join(texts)}" for name, texts in self.errors.items())
        if isinstance(error, HTTPException):
            return error.detail or words
        if isinstance(error, StarletteHTTPException):
            return str(error.detail)
        if isinstance(error, Http404) and not isinstance(error, Resolver404):
            return str(error) or words
        if isinstance(error, SHOWN) or getattr(error, "status_code", None) is not None:
            return str(error) or words
        return words


def phrase(status: int) -> str:
    """The words of a status code."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _is_pydantic(error: Exception) -> bool:
    return type(error).__name__ == "ValidationError" and callable(getattr(error, "errors", None))


def _pydantic_errors(error: Any) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        name = ".".join(str(part) for part in item["loc"]) or "__all__"
        fields.setdefault(name, []).append(item["msg"])
    return fields


def caused_by_client(error: BaseException, request: Request) -> bool:
    """Whether a value that the client sent made `error`: `int(request.query_params["page"])`, `SIZES[name]`.

    The error's message quotes the value, or is one that conversions raise without quoting theirs.
    """
    message = str(error)[:20_000]
    if not isinstance(error, CLIENT_ERRORS) and not message.startswith(INVALID_LOOKUPS):
        return False
    values = list(_sent_values(request))
    if not any(values):
        return False
    if type(error).__name__ == "InvalidOperation" or _UNQUOTED.search(message) is not None:
        return True
    quoted = {first or second for first, second in _QUOTED.findall(message)}
    cut = _CUT.search(message)
    if cut is not None and any(value.startswith(cut[1]) for value in values):
        return True
    if isinstance(error, (FieldError, TypeError)) or EXPECTED in message:
        # They name a part of a lookup or of an ordering, or one item of a value.
        return any(part in value for part in quoted for value in values)
    return any(value in quoted or not quoted.isdisjoint(_SEPARATORS.split(value)[:50]) for value in values if value)


def _sent_values(request: Request) -> Iterator[str]:
    yield from (str(value) for value in request.path_params.values())
    try:
        for key, value in request.query_params.multi_items():
            yield key
            yield value
    except SuspiciousOperation:
        return
    form = request.__dict__.get("_form")
    if form is not None:
        for key, value in form.multi_items():
            yield key
            if isinstance(value, str):
                yield value
    yield from request.cookies.values()
    yield from (value for name, value in request.headers.items() if name.startswith(("x-", "if-")))
    body = request.__dict__.get("_json")
    if isinstance(body, (dict, list)):
        yield from _leaves(body, 500)


def _leaves(value: Any, budget: int) -> Iterator[str]:
    """Up to `budget` scalars of a JSON value, as text."""
    pending = [value]
    while pending and budget > 0:
        item = pending.pop()
        budget -= 1
        if isinstance(item, dict):
            pending.extend(item.values())
            yield from (str(key) for key in item)
        elif isinstance(item, list):
            pending.extend(item)
        elif item is not None:
            yield str(item)[:5000]


def is_disconnect(error: BaseException) -> bool:
    """Whether there is nobody left to answer."""
    return isinstance(error, (ClientDisconnect, StarletteDisconnect))


def log(failure: Failure, request: Request) -> None:
    """Log an answer that is an error: 5xx with its traceback, refusals of the security kind as warnings, others short.

    The path is escaped: a line break in it cannot forge a line of the log.
    """
    path = request.path.encode("unicode_escape").decode("ascii")
    if failure.status >= SERVER_ERROR:
        known = failure.status != SERVER_ERROR
        logger.error(
            "%s: %s %s",
            f"{phrase(failure.status)} ({type(failure.error).__name__})" if known else phrase(failure.status),
            request.method,
            path,
            exc_info=None if known else failure.error,
        )
        return
    if isinstance(failure.error, SuspiciousOperation):
        security_logger.warning("%s: %s", type(failure.error).__name__, ascii(str(failure.error))[1:-1])
        return
    logger.warning("%s: %s", phrase(failure.status), path)
