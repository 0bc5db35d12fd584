"""Shadows: an empty place in the same server where tables are made for comparison, and then thrown away.

The database's own words for a definition are only known by making it. On PostgreSQL that is a schema inside a
transaction that is rolled back; on SQLite a database in memory; on MariaDB a database that is dropped again.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from covet.database.adapters.base import Adapter
from covet.database.config import DatabaseConfig
from covet.database.connections.registry import make_adapter
from covet.database.migrations import faults
from covet.database.migrations.session import AdapterSession, open_session
from covet.database.migrations.sqltext import quote
from covet.exceptions import DatabaseError, PermissionDenied

_SCHEMA = "covet_shadow"


@asynccontextmanager
async def shadow(adapter: Adapter, *, sealed: bool = False) -> AsyncIterator[AdapterSession]:
    """A session whose tables are made nowhere that matters.

    Args:
        adapter: the database.
        sealed: the real tables are not to be seen from it, so that nothing can touch them.

    Raises:
        PermissionDenied: the role may make neither a schema nor temporary tables (PostgreSQL), nor a database
            (MariaDB).
    """
    if adapter.vendor == "sqlite":
        memory = make_adapter(DatabaseConfig(engine="sqlite", database=":memory:"))
        try:
            async with open_session(memory) as session:
                await session.execute("PRAGMA foreign_keys = OFF")
                yield session
        finally:
            await memory.close()
    elif adapter.vendor == "postgresql":
        async with open_session(adapter) as session:
            await session.begin()
            try:
                await _enter_schema(session, sealed=sealed)
                yield session
            finally:
                await session.rollback()
    else:
        async with _database(adapter) as session:
            yield session


async def _enter_schema(session: AdapterSession, *, sealed: bool) -> None:
    path = (await session.fetch("SELECT current_setting('search_path')"))[0][0]
    await session.execute("SAVEPOINT covet_shadow")
    try:
        await session.execute(f"CREATE SCHEMA {_SCHEMA}")
        place = _SCHEMA
    except DatabaseError as error:
        if faults.sqlstate(error) != "42501":
            raise
        # Temporary tables do nearly as well: only keys to tables outside the shadow are refused.
        await session.execute("ROLLBACK TO SAVEPOINT covet_shadow")
        place = "pg_temp"
    await session.execute(f"SET LOCAL search_path TO {place}" + ("" if sealed else f", {path}"))


@asynccontextmanager
async def _database(adapter: Adapter) -> AsyncIterator[AdapterSession]:
    async with open_session(adapter) as session:
        own, charset, collation = (
            await session.fetch("SELECT database(), @@character_set_database, @@collation_database")
        )[0]
        name = quote(f"{_SCHEMA}_{own}_{os.getpid()}"[:64], "mysql")
        try:
            await session.execute(f"CREATE DATABASE {name} CHARACTER SET {charset} COLLATE {collation}")
        except DatabaseError as error:
            raise PermissionDenied(
                f"Comparing definitions on MariaDB needs a database for the moment, and {name} could not be made: "
                f"{error}. Grant this user CREATE and DROP on `{_SCHEMA}_%`."
            ) from error
        try:
            await session.execute(f"USE {name}")
            await session.execute("SET SESSION foreign_key_checks = 0")
            yield session
        finally:
            await session.execute("SET SESSION foreign_key_checks = 1")
            await session.execute(f"USE {quote(own, 'mysql')}")
            await session.execute(f"DROP DATABASE {name}")
