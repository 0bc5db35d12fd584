"""Every exception of CovetPy, under Django's names where Django has one; no other module defines one for users."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


def choices(wanted: str, names: Iterable[str]) -> list[str]:
    """`names` with those nearest to `wanted` first, the rest in alphabetical order."""
    known = sorted(set(names))
    near = difflib.get_close_matches(wanted, known, n=3, cutoff=0.6)
    return near + [name for name in known if name not in near]


class CovetError(Exception):
    """The root of every error that CovetPy raises on purpose."""


class ImproperlyConfigured(CovetError):
    """A setting is missing, unknown or wrong."""


class AppRegistryNotReady(CovetError):
    """Models were asked for before they were loaded."""


class ObjectDoesNotExist(CovetError):
    """The requested object does not exist; every `Model.DoesNotExist` derives from it."""

    silent_variable_failure = True


class MultipleObjectsReturned(CovetError):
    """`get()` found more than one object."""


class ObjectNotUpdated(CovetError):
    """A forced update touched no row."""


class FieldDoesNotExist(CovetError):
    """A model has no field of that name."""


class FieldError(CovetError):
    """A query names a field, lookup or relation that does not exist, or uses one wrongly."""


class InvalidName(FieldError, ValueError):
    """A name that could break out of a quoted identifier: quotes, semicolons, control characters and the like."""


class FullResultSet(CovetError):
    """A condition matches every row (internal to compilation)."""


class EmptyResultSet(CovetError):
    """A condition can match no row (internal to compilation)."""


class SuspiciousOperation(CovetError):
    """A client did something that is refused for security."""


class DisallowedHost(SuspiciousOperation):
    """The Host header is not in ALLOWED_HOSTS."""


class PermissionDenied(CovetError):
    """The user may not do that (403)."""


class Http404(CovetError):
    """The page was not found (404)."""


class BadRequest(CovetError):
    """The request is malformed (400)."""


class HTTPException(CovetError):
    """An answer with a status of the raiser's choice: `raise HTTPException(409, "already taken")`."""

    def __init__(self, status_code: int, detail: str | None = None, *, headers: dict[str, str] | None = None) -> None:
        super().__init__(status_code, detail)
        self.status_code = status_code
        self.detail = detail
        self.headers = headers or {}

    def __str__(self) -> str:
        return f"{self.status_code}: {self.detail}" if self.detail else str(self.status_code)


class RequestDataTooBig(SuspiciousOperation):
    """A request body exceeds its limit (413)."""


class TooManyFieldsSent(SuspiciousOperation):
    """A form or query string has more fields than DATA_UPLOAD_MAX_NUMBER_FIELDS (400)."""


class TooManyFilesSent(SuspiciousOperation):
    """A form has more files than DATA_UPLOAD_MAX_NUMBER_FILES (400)."""


class DisallowedRedirect(SuspiciousOperation):
    """A redirect's scheme is not http, https or ftp."""


class SuspiciousFileOperation(SuspiciousOperation):
    """A path leaves the folder it must stay in."""


class BadHeaderError(BadRequest, ValueError):
    """A header or cookie contains a line break or a control character."""


class MultiValueDictKeyError(BadRequest, KeyError):
    """A query string or form lacks a key that the handler requires (400 when nobody catches it)."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class BadJSON(BadRequest, ValueError):
    """A JSON body is malformed, or has another shape than the handler reads (400)."""


class ClientDisconnect(CovetError):
    """The client left before its request was complete; there is nobody to answer."""


class Resolver404(Http404):
    """No route matches the path."""

    def __init__(self, path: object = "") -> None:
        super().__init__(path)
        self.path = path


class NoReverseMatch(CovetError):
    """No route of that name takes those parameters."""


class TemplateDoesNotExist(CovetError):
    """No folder holds a template of that name; `tried` lists where it was looked for."""

    def __init__(self, name: str, tried: Iterable[str] = ()) -> None:
        self.name = name
        self.tried = list(tried)
        looked = f"; looked in: {', '.join(self.tried)}" if self.tried else ""
        super().__init__(f"There is no template {name!r}{looked}")


class MiddlewareNotUsed(CovetError):
    """A middleware's constructor takes itself out of the list."""


class RelationNotLoaded(CovetError, AttributeError):
    """A relation was read outside a portal before it was loaded."""


class MissingAwait(CovetError, AttributeError):
    """The result of a query was used before it was awaited."""


class SynchronousOnlyOperation(CovetError):
    """A blocking call was made where the event loop runs."""


class NotInPortal(CovetError, RuntimeError):
    """Sync code tried to wait outside a portal."""


class ConnectionDoesNotExist(CovetError, KeyError):
    """No database of that alias is configured."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


NON_FIELD_ERRORS = "__all__"


class ValidationError(CovetError, ValueError):
    """Invalid data: one message, a list of errors, or a dictionary of field to errors.

    `str()` of a single message is that message (the guide's `ValueError`); of several it is the list
    of them, as in Django.

    Args:
        message: a string, another ValidationError, a list or a dict of those.
        code: a machine-readable word such as `invalid`.
        params: values interpolated into the message with `%`.
    """

    message: Any
    error_dict: dict[str, list[ValidationError]]
    error_list: list[ValidationError]

    def __init__(self, message: Any, code: str | None = None, params: dict[str, Any] | None = None) -> None:
        super().__init__(message, code, params)
        if isinstance(message, ValidationError):
            if hasattr(message, "error_dict"):
                message = message.error_dict
            elif not hasattr(message, "message"):
                message = message.error_list
            else:
                message, code, params = message.message, message.code, message.params
        if isinstance(message, dict):
            self.error_dict = {}
            for field, messages in message.items():
                wrapped = messages if isinstance(messages, ValidationError) else ValidationError(messages)
                self.error_dict[field] = wrapped.error_list
        elif isinstance(message, list):
            self.error_list = []
            for item in message:
                wrapped = item if isinstance(item, ValidationError) else ValidationError(item)
                if hasattr(wrapped, "error_dict"):
                    self.error_list.extend(error for errors in wrapped.error_dict.values() for error in errors)
                else:
                    self.error_list.extend(wrapped.error_list)
        else:
            self.message = message
            self.code = code
            self.params = params
            self.error_list = [self]

    @property
    def message_dict(self) -> dict[str, list[str]]:
        """Field name to messages; AttributeError when the error is not by field."""
        return {field: ValidationError(errors).messages for field, errors in self.error_dict.items()}

    @property
    def messages(self) -> list[str]:
        """Every message, interpolated."""
        if hasattr(self, "error_dict"):
            return [message for errors in self.error_dict.values() for message in ValidationError(errors).messages]
        return [error._text() for error in self.error_list]

    def update_error_dict(self, error_dict: dict[str, list[ValidationError]]) -> dict[str, list[ValidationError]]:
        """Add this error's parts to `error_dict` and return it."""
        if hasattr(self, "error_dict"):
            for field, errors in self.error_dict.items():
                error_dict.setdefault(field, []).extend(errors)
        else:
            error_dict.setdefault(NON_FIELD_ERRORS, []).extend(self.error_list)
        return error_dict

    def __iter__(self) -> Any:
        if hasattr(self, "error_dict"):
            for field, errors in self.error_dict.items():
                yield field, ValidationError(errors).messages
        else:
            for error in self.error_list:
                yield error._text()

    def _text(self) -> str:
        return str(self.message % self.params if self.params else self.message)

    def __str__(self) -> str:
        if hasattr(self, "error_dict"):
            return repr(dict(self))
        if hasattr(self, "message"):
            return self._text()
        return repr(list(self))

    def __repr__(self) -> str:
        if hasattr(self, "message") and not hasattr(self, "error_dict"):
            return f"ValidationError([{self._text()!r}])"
        return f"ValidationError({self})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ValidationError) and hash(self) == hash(other)

    def __hash__(self) -> int:
        if hasattr(self, "error_dict"):
            hashes = ((field, hash(ValidationError(errors))) for field, errors in self.error_dict.items())
            return hash(tuple(sorted(hashes)))
        if hasattr(self, "message"):
            return hash((str(self.message), self.code, repr(self.params)))
        return hash(tuple(sorted(hash(error) for error in self.error_list)))


class Error(CovetError):
    """What the DB-API calls `Error`: everything that a database or its driver complains of."""


class DatabaseError(Error):
    """The root of what a database answers with; `__cause__` is the driver's own error."""

    sqlstate: str | None = None


class InterfaceError(DatabaseError):
    """The driver or the connection was misused."""


class DataError(DatabaseError):
    """A value does not fit its column."""


class OperationalError(DatabaseError):
    """The database could not be reached, was restarted, timed out or ran out of something."""


class IntegrityError(DatabaseError):
    """A constraint refused the write.

    Attributes:
        constraint: the constraint's name, when the server tells it.
        table: its table. columns: the columns concerned.
    """

    constraint: str | None = None
    table: str | None = None
    columns: tuple[str, ...] = ()


class InternalError(DatabaseError):
    """The database is in an inconsistent state (a failed transaction, for example)."""


class ProgrammingError(DatabaseError):
    """The SQL is wrong: a missing table, a syntax error."""


class NotSupportedError(DatabaseError):
    """This database cannot do that."""


class ProtectedError(IntegrityError):
    """A deletion is refused by `on_delete=PROTECT`; `protected_objects` holds what refuses."""

    def __init__(self, message: str, protected_objects: Any) -> None:
        super().__init__(message, protected_objects)
        self.protected_objects = protected_objects


class RestrictedError(IntegrityError):
    """A deletion is refused by `on_delete=RESTRICT`; `restricted_objects` holds what refuses."""

    def __init__(self, message: str, restricted_objects: Any) -> None:
        super().__init__(message, restricted_objects)
        self.restricted_objects = restricted_objects


class TransactionManagementError(ProgrammingError):
    """Transactions were used wrongly."""


class TransactionClosed(TransactionManagementError):
    """A query was made in a transaction that has ended."""


class TransactionOutcomeUnknown(OperationalError):
    """COMMIT was sent and no answer came: it may or may not have happened. Never retried."""


class DatabaseUnavailable(OperationalError):
    """The database cannot be reached, is starting or stopping, or the connection was lost (an HTTP 503)."""


class PoolTimeout(DatabaseUnavailable):
    """No connection became free within the acquire timeout."""


class StorageFull(OperationalError):
    """The database has no room left for the write (an HTTP 507); reads go on."""
