"""asyncmy's exceptions: what they mean for a connection, and ours for each of them."""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final

from asyncmy import errors as driver

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

BY_CLASS: Final[tuple[tuple[Any, type[DatabaseError]], ...]] = (
    (driver.IntegrityError, IntegrityError),
    (driver.OperationalError, OperationalError),
    (driver.DataError, DataError),
    (driver.NotSupportedError, NotSupportedError),
    (driver.ProgrammingError, ProgrammingError),
    (driver.InternalError, InternalError),
    (driver.InterfaceError, InterfaceError),
    (OverflowError, DataError),
    (UnicodeError, DataError),
)
# https://mariadb.com/kb/en/mariadb-error-codes/
BY_CODE: Final[dict[int, type[DatabaseError]]] = {
    1021: StorageFull,
    1114: StorageFull,
    1040: DatabaseUnavailable,
    1048: IntegrityError,
    1053: DatabaseUnavailable,
    1129: DatabaseUnavailable,
    1203: DatabaseUnavailable,
    1139: DataError,
    1364: IntegrityError,
    1205: OperationalError,
    1213: OperationalError,
    1406: DataError,
    1264: DataError,
    1690: IntegrityError,
    3819: IntegrityError,
    4025: IntegrityError,
    1054: OperationalError,
    1792: InternalError,
    1969: OperationalError,
    3024: OperationalError,
    2003: DatabaseUnavailable,
    2006: DatabaseUnavailable,
    2013: DatabaseUnavailable,
    2014: DatabaseUnavailable,
    2055: DatabaseUnavailable,
}
STATES: Final = {
    1213: "40001",
    1205: "55P03",
    1040: "53300",
    1203: "53300",
    1021: "53100",
    1114: "53100",
    1969: "57014",
}
LOST: Final = frozenset({1053, 2003, 2006, 2013, 2014, 2055})
DEADLOCK: Final = 1213

_KEY = re.compile(r"for key '(?P<key>[^']+)'")
_COLUMN = re.compile(r"(?:Column|Field) '(?P<column>[^']+)'")
_FOREIGN = re.compile(r"`(?P<table>[^`]+)`, CONSTRAINT `(?P<name>[^`]+)` FOREIGN KEY \((?P<columns>[^)]*)\)")
_CHECK = re.compile(r"(?:Check constraint|CONSTRAINT) [`'](?P<name>[^`']+)[`']")


def code(exc: BaseException) -> int:
    """The server's error number, 0 where there is none."""
    first = exc.args[0] if exc.args else 0
    return first if isinstance(first, int) else 0


def _is_read_only(exc: BaseException, number: int) -> bool:
    # 1290 names the option that stands in the way: --read-only, but also --secure-file-priv and others.
    return number == 1836 or (number == 1290 and re.search("read.only", str(exc)) is not None)


def judge(exc: BaseException) -> Verdict:
    """What a failure means for the connection."""
    if isinstance(exc, asyncio.CancelledError | GeneratorExit) or not isinstance(exc, Exception):
        return Verdict.INTERRUPTED
    if isinstance(exc, driver.MySQLError):
        number = code(exc)
        if number in LOST:
            return Verdict.DEAD
        if isinstance(exc, driver.InterfaceError) and number == 0:
            return Verdict.UNSENT
        if isinstance(exc, driver.InternalError) and number == 0:
            # The driver's own, for packets out of order: a session killed in the middle of a result ends like that.
            return Verdict.DEAD
        return Verdict.READ_ONLY if _is_read_only(exc, number) else Verdict.ERROR
    if isinstance(exc, TimeoutError) and exc.errno is None:
        return Verdict.INTERRUPTED
    if isinstance(exc, OSError | asyncio.IncompleteReadError):
        return Verdict.DEAD
    if isinstance(exc, RuntimeError) and "closed" in str(exc):
        return Verdict.UNSENT
    return Verdict.ERROR


def map_error(exc: BaseException) -> DatabaseError:
    """Our exception for one of asyncmy's, with its constraint, table and columns where it names them."""
    if isinstance(exc, DatabaseError):
        return exc
    number = code(exc)
    kind = BY_CODE.get(number) or next((ours for theirs, ours in BY_CLASS if isinstance(exc, theirs)), DatabaseError)
    verdict = judge(exc)
    if verdict in (Verdict.DEAD, Verdict.UNSENT, Verdict.READ_ONLY):
        kind = DatabaseUnavailable
    elif isinstance(exc, TimeoutError):
        kind = OperationalError
    args: tuple[Any, ...] = exc.args if isinstance(exc, driver.MySQLError) else (str(exc),)
    mapped = kind(*(args if any(args) else ("the statement took longer than command_timeout and was cancelled",)))
    mapped.sqlstate = "25006" if verdict is Verdict.READ_ONLY else STATES.get(number) or getattr(exc, "sqlstate", None)
    mapped.__cause__ = exc
    if isinstance(mapped, IntegrityError):
        _describe(mapped, str(exc.args[-1]) if exc.args else "")
    return mapped


def _describe(error: IntegrityError, text: str) -> None:
    if match := _FOREIGN.search(text):
        error.table, error.constraint = match["table"], match["name"]
        error.columns = tuple(part.strip().strip("`") for part in match["columns"].split(","))
    elif match := _KEY.search(text):
        table, dot, key = match["key"].rpartition(".")
        error.constraint = key
        error.table = table if dot else None
    elif match := _COLUMN.search(text):
        error.columns = (match["column"],)
    elif match := _CHECK.search(text):
        error.constraint = match["name"].rpartition(".")[2]
