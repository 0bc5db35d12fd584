"""The lock that lets one run at a time change a database's schema; and the refusal of transaction poolers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from covet.database.adapters.base import Adapter
from covet.database.migrations.session import AdapterSession, open_session
from covet.exceptions import CovetError, DatabaseError, OperationalError

# Any constant will do; the lock is kept per database.
_KEY = 0x636F7665
_POLL = 0.1
_ADVICE = (
    "This connection goes through a pooler, where the lock of a migration and its lock_timeout would not hold. Name "
    "PostgreSQL's own host and port (for this command, in the environment), or pass --allow-pooler if the pooler keeps "
    "sessions."
)


class BehindPooler(CovetError):
    """Migrations were to run through a pooler that hands each transaction to another server session."""


@asynccontextmanager
async def exclusive(adapter: Adapter, *, wait: float, say: Callable[[str], None]) -> AsyncIterator[None]:
    """Hold the database's migration lock; another run waits for it.

    The lock is polled: a blocked `pg_advisory_lock` would hold a snapshot, for which CREATE INDEX
    CONCURRENTLY in the other run would wait in turn. On SQLite the write lock of each transaction does it.

    Args:
        adapter: the database.
        wait: how many seconds to wait for another run.
        say: told once when there is something to wait for.

    Raises:
        OperationalError: the other run did not end in time.
    """
    if adapter.vendor == "sqlite":
        yield
        return
    async with open_session(adapter) as session:
        ends = time.monotonic() + wait
        told = False
        while not await _try_lock(session):
            if not told:
                say("another run is applying migrations; waiting for it")
                told = True
            if time.monotonic() > ends:
                raise OperationalError(
                    f"Another run has held the migration lock for {wait:g} s. Look for it in pg_stat_activity "
                    "(SHOW PROCESSLIST on MariaDB), or wait longer with --wait."
                )
            await asyncio.sleep(_POLL)
        try:
            yield
        finally:
            await _unlock(session)


async def _try_lock(session: AdapterSession) -> bool:
    if session.vendor == "postgresql":
        return bool((await session.fetch(f"SELECT pg_try_advisory_lock({_KEY})"))[0][0])
    return bool((await session.fetch(f"SELECT GET_LOCK(concat('covet.', database(), '.{_KEY}'), 0)"))[0][0])


async def _unlock(session: AdapterSession) -> None:
    release = (
        f"SELECT pg_advisory_unlock({_KEY})"
        if session.vendor == "postgresql"
        else f"SELECT RELEASE_LOCK(concat('covet.', database(), '.{_KEY}'))"
    )
    try:
        await session.fetch(release)
    except DatabaseError:
        # A lost connection has given its locks back already.
        session.is_broken = True


async def refuse_pooler(adapter: Adapter) -> None:
    """Refuse PgBouncer and its like, where locks and settings would land in other sessions.

    A server tells its process number when a connection opens; a pooler invents one.

    Raises:
        BehindPooler: the two numbers differ.
    """
    if adapter.vendor != "postgresql":
        return
    if adapter.config.pooler == "transaction":
        raise BehindPooler(_ADVICE)
    async with open_session(adapter) as session:
        announced = session.raw.get_server_pid()
        actual = (await session.fetch("SELECT pg_backend_pid()"))[0][0]
    if announced is not None and announced != actual:
        raise BehindPooler(_ADVICE)
