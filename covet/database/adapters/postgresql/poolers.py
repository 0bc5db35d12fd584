"""PgBouncer and its like: how one is noticed, and what it takes from a session. Only the adapter asks."""

from __future__ import annotations

import re
from typing import Any, Final

import asyncpg

ADVICE: Final = (
    "set pooler='transaction' in its DatabaseConfig (pooler='session' where the pooler is in session mode: that keeps "
    "prepared statements)"
)
NO_SESSION: Final = (
    "{what} needs a session of its own, and a pooler in transaction mode gives none: {instead}; or name PostgreSQL's "
    "own host and port in a second entry of DATABASES, and use that"
)
NOT_KEPT: Final = frozenset({"26000", "42P05"})
"""No such prepared statement; or there is one of that name already, which another client made."""

_SCOPED: Final = re.compile(
    r"\bset_config\s*\([^()]*,\s*true\s*\)|^\s*DECLARE\b(?!.*\bWITH\s+HOLD\b)", re.IGNORECASE | re.DOTALL
)


def refuses_parameter(exc: BaseException) -> bool:
    """Whether a pooler has refused a start-up parameter: PostgreSQL knows all that are sent."""
    return isinstance(exc, asyncpg.ProtocolViolationError) and "unsupported startup parameter" in str(exc)


def is_full(exc: BaseException) -> bool:
    """Whether PgBouncer has as many clients as it takes; PostgreSQL would say so by 53300."""
    return "no more connections allowed" in str(exc)


def lost_statement(exc: BaseException) -> bool:
    """Whether a prepared statement met another server session than the one that it was made in."""
    return isinstance(exc, asyncpg.PostgresError) and exc.sqlstate in NOT_KEPT


async def stands_before(connection: asyncpg.Connection, timeout: float) -> bool:
    """Whether a pooler answers in the server's place: a server tells its process number, a pooler invents one."""
    state = await connection._get_statement("SELECT pg_backend_pid()", timeout, use_cache=False)  # noqa: SLF001 - unnamed
    rows: Any = await connection._protocol.bind_execute(state, (), "", 0, False, timeout)  # noqa: SLF001
    return bool(rows[0][0] != connection.get_server_pid())


def outlives_transaction(sql: str) -> bool:
    """Whether a statement that changes its session would leave that to the next client of the pooler."""
    return _SCOPED.search(sql) is None
