"""asyncpg's exceptions: what they mean for a connection, and ours for each of them."""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final

import asyncpg
from asyncpg import exceptions as pg

from covet.database.adapters.outcomes import Verdict
from covet.database.adapters.postgresql.poolers import NOT_KEPT
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

# https://www.postgresql.org/docs/current/errcodes-appendix.html
BY_STATE: Final[dict[str, type[DatabaseError]]] = {
    "0A000": NotSupportedError,
    "53100": StorageFull,
    "53200": OperationalError,
    "53300": DatabaseUnavailable,
    "55P03": OperationalError,
    "57014": OperationalError,
    "57P01": DatabaseUnavailable,
    "57P02": DatabaseUnavailable,
    "57P03": DatabaseUnavailable,
    "57P04": DatabaseUnavailable,
    "57P05": DatabaseUnavailable,
    "25006": DatabaseUnavailable,
}
BY_CLASS: Final[dict[str, type[DatabaseError]]] = {
    "08": DatabaseUnavailable,
    "0A": NotSupportedError,
    "20": ProgrammingError,
    "21": ProgrammingError,
    "22": DataError,
    "23": IntegrityError,
    "24": InternalError,
    "25": InternalError,
    "26": ProgrammingError,
    "27": OperationalError,
    "28": OperationalError,
    "2B": InternalError,
    "2D": InternalError,
    "2F": InternalError,
    "34": ProgrammingError,
    "38": InternalError,
    "39": InternalError,
    "3B": InternalError,
    "3D": ProgrammingError,
    "3F": ProgrammingError,
    "40": OperationalError,
    "42": ProgrammingError,
    "44": ProgrammingError,
    "53": OperationalError,
    "54": OperationalError,
    "55": OperationalError,
    "57": OperationalError,
    "58": OperationalError,
    "F0": InternalError,
    "P0": InternalError,
    "XX": InternalError,
}
DEAD_STATES: Final = frozenset({"57P01", "57P02", "57P03", "57P04", "57P05"})
MISFIT_STATES: Final = frozenset({"42883", "42804"})
"""No such operator, wrong type: what remains when a column's type changed under a prepared statement."""

_DETAIL_KEY = re.compile(r"Key \((?P<columns>.*?)\)=\(", re.DOTALL)


def judge(exc: BaseException) -> Verdict:
    """What a failure of asyncpg means for the connection."""
    if type(exc) is asyncpg.DataError:
        # asyncpg's own class for a value that it could not encode: it did not fit the parameter's type as it
        # was when the statement was prepared, and nothing was sent. The server's have subclasses.
        return Verdict.MISFIT
    if isinstance(exc, asyncpg.PostgresError):
        return _judge_state(exc)
    if isinstance(exc, pg.OutdatedSchemaCacheError):
        return Verdict.STALE_DONE
    if isinstance(exc, asyncpg.InternalClientError):
        return Verdict.DEAD
    if isinstance(exc, asyncpg.InterfaceError):
        return Verdict.UNSENT if "connection is closed" in str(exc) else _judge_misuse(exc)
    if isinstance(exc, asyncio.CancelledError | GeneratorExit):
        return Verdict.INTERRUPTED
    if isinstance(exc, TimeoutError) and exc.errno is None:
        # asyncpg's command_timeout; the operating system's own (ETIMEDOUT) has a number.
        return Verdict.INTERRUPTED
    if isinstance(exc, OSError | ConnectionError | asyncio.IncompleteReadError):
        return Verdict.DEAD
    if isinstance(exc, AttributeError) and "'NoneType'" in str(exc):
        # asyncpg drops its protocol when it aborts a connection; a call already on its way meets None.
        return Verdict.UNSENT
    if isinstance(exc, RuntimeError) and "closed" in str(exc):
        return Verdict.UNSENT
    return Verdict.ERROR if isinstance(exc, Exception) else Verdict.INTERRUPTED


def _is_outdated(exc: Any) -> bool:
    # A statement outlives the types that it names; bound once more it is an internal error of the server's.
    return isinstance(exc, pg.InvalidCachedStatementError) or (
        exc.sqlstate == "XX000" and "cache lookup failed for" in str(exc)
    )


def _judge_state(exc: Any) -> Verdict:
    state = exc.sqlstate or ""
    if _is_outdated(exc) or state in NOT_KEPT:
        return Verdict.STALE
    if state in MISFIT_STATES:
        return Verdict.MISFIT
    if state.startswith("08") or state in DEAD_STATES:
        return Verdict.DEAD
    if state == "25006":
        return Verdict.READ_ONLY
    return Verdict.ERROR


def _judge_misuse(exc: BaseException) -> Verdict:
    text = str(exc)
    if "another operation" in text:
        return Verdict.DEAD
    return Verdict.ERROR


def map_error(exc: BaseException) -> DatabaseError:
    """Our exception for one of asyncpg's, with its state, constraint, table and columns."""
    if isinstance(exc, DatabaseError):
        return exc
    if isinstance(exc, asyncpg.PostgresError):
        return _map_server_error(exc)
    mapped: DatabaseError
    if isinstance(exc, pg.OutdatedSchemaCacheError):
        mapped = OperationalError(f"a type changed while the statement ran; run it again: {exc}")
    elif isinstance(exc, asyncpg.InterfaceError):
        unavailable = "connection" in str(exc)
        mapped = DatabaseUnavailable(str(exc)) if unavailable else InterfaceError(str(exc))
    elif isinstance(exc, TimeoutError):
        mapped = OperationalError("the statement took longer than command_timeout and was cancelled")
        # The server says the same of a statement_timeout, whose work this is behind a pooler.
        mapped.sqlstate = "57014"
    elif isinstance(exc, OSError | asyncpg.InternalClientError | AttributeError | RuntimeError):
        mapped = DatabaseUnavailable(f"the connection to the database was lost: {exc}")
    else:
        mapped = DatabaseError(f"{type(exc).__name__}: {exc}")
    mapped.__cause__ = exc
    return mapped


def _map_server_error(exc: Any) -> DatabaseError:
    state = exc.sqlstate or ""
    kind = BY_STATE.get(state) or BY_CLASS.get(state[:2], DatabaseError)
    if _is_outdated(exc):
        kind = OperationalError
    message = str(exc)
    if state == "08P01" and "statement pooling mode" in message:
        kind, message = NotSupportedError, f"{message}: set pool_mode = transaction in PgBouncer's configuration"
    mapped = kind(message)
    mapped.sqlstate = state
    mapped.__cause__ = exc
    if isinstance(mapped, IntegrityError):
        mapped.constraint = getattr(exc, "constraint_name", None)
        mapped.table = getattr(exc, "table_name", None)
        mapped.columns = _columns(exc)
    return mapped


def _columns(exc: Any) -> tuple[str, ...]:
    if name := getattr(exc, "column_name", None):
        return (name,)
    match = _DETAIL_KEY.search(getattr(exc, "detail", None) or "")
    if match is None:
        return ()
    return tuple(part.strip().strip('"') for part in match["columns"].split(", "))
