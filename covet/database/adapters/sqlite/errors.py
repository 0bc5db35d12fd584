"""sqlite3's exceptions: what they mean for a connection, and ours for each of them."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from typing import Final

from covet.database.adapters.outcomes import Verdict
from covet.exceptions import (
    DatabaseError,
    DatabaseUnavailable,
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    StorageFull,
)

BY_CLASS: Final[tuple[tuple[type[Exception], type[DatabaseError]], ...]] = (
    (sqlite3.IntegrityError, IntegrityError),
    (sqlite3.OperationalError, OperationalError),
    (sqlite3.DataError, DataError),
    (sqlite3.NotSupportedError, NotSupportedError),
    (sqlite3.ProgrammingError, ProgrammingError),
    (sqlite3.InternalError, InternalError),
    (sqlite3.InterfaceError, InterfaceError),
    (sqlite3.DatabaseError, DatabaseError),
    (OverflowError, DataError),
    (UnicodeError, DataError),
)
BY_NAME: Final[dict[str, type[DatabaseError]]] = {
    "SQLITE_FULL": StorageFull,
    "SQLITE_CANTOPEN": DatabaseUnavailable,
    "SQLITE_NOTADB": DatabaseUnavailable,
}
STATES: Final = {
    "SQLITE_FULL": "53100",
    "SQLITE_BUSY": "55P03",
    "SQLITE_LOCKED": "55P03",
    "SQLITE_INTERRUPT": "57014",
    "SQLITE_READONLY": "25006",
}
FUNCTION_RAISED: Final = "user-defined function raised exception"
FUNCTION_FAILED: Final = "user-defined function raised exception"
CLOSED: Final = ("closed database", "connection closed", "no active connection")

_CONSTRAINT = re.compile(
    r"(?P<kind>UNIQUE|NOT NULL|PRIMARY KEY|CHECK|FOREIGN KEY) constraint failed(?:: (?P<what>.*))?"
)


class FileMoved(Exception):
    """The database's file is no longer the one that was opened: what is written to it would be lost."""


def judge(exc: BaseException) -> Verdict:
    """What a failure means for the connection."""
    if isinstance(exc, asyncio.CancelledError | GeneratorExit) or not isinstance(exc, Exception):
        return Verdict.INTERRUPTED
    if isinstance(exc, TimeoutError):
        return Verdict.INTERRUPTED
    if isinstance(exc, FileMoved):
        return Verdict.UNSENT
    if isinstance(exc, ValueError | sqlite3.ProgrammingError) and any(word in str(exc).lower() for word in CLOSED):
        return Verdict.UNSENT
    return Verdict.ERROR


def map_error(exc: BaseException) -> DatabaseError:
    """Our exception for one of sqlite3's, with the constraint, table and columns where it names them."""
    if isinstance(exc, DatabaseError):
        return exc
    name = getattr(exc, "sqlite_errorname", None) or ""
    kind = next((ours for theirs, ours in BY_CLASS if isinstance(exc, theirs)), DatabaseError)
    primary = "_".join(name.split("_")[:2])
    kind = BY_NAME.get(primary, kind)
    if isinstance(exc, TimeoutError):
        kind = OperationalError
    elif str(exc) == FUNCTION_FAILED:
        # A value that the function cannot take: a bad regular expression, above all.
        kind = DataError
    elif FUNCTION_RAISED in str(exc):
        # A function of ours refused its argument: a bad regex, a date that is none.
        kind = DataError
    elif judge(exc) is Verdict.UNSENT:
        kind = DatabaseUnavailable
    text = str(exc) or "the statement took longer than command_timeout and was cancelled"
    mapped = kind(text)
    mapped.sqlstate = STATES.get(primary)
    mapped.__cause__ = exc
    if isinstance(mapped, IntegrityError):
        _describe(mapped, text)
    return mapped


def _describe(error: IntegrityError, text: str) -> None:
    match = _CONSTRAINT.search(text)
    if match is None:
        return
    what = match["what"] or ""
    if match["kind"] == "CHECK":
        error.constraint = what or None
    elif what.startswith("index "):
        error.constraint = what.removeprefix("index ").strip("'")
    elif what:
        parts = [part.strip().rpartition(".") for part in what.split(",")]
        error.table = parts[0][0] or None
        error.columns = tuple(part[2] for part in parts)
