"""Shadows: an empty place in the same server where tables are made for comparison, and then thrown away.

The database's own words for a definition are only known by making it. On PostgreSQL that is a schema inside a
transaction that is rolled back; on SQLite a database in memory; on MariaDB a database that is dropped again.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import StaticPool

from covet.database.migrations import faults
from covet.database.migrations.session import EngineSession, open_session
from covet.database.migrations.sqltext import quote
from covet.exceptions import PermissionDenied

_SCHEMA = "covet_shadow"


@asynccontextmanager
async def shadow(engine: AsyncEngine) -> AsyncIterator[EngineSession]:
    """A session whose tables are made nowhere that matters.

    Raises:
        PermissionDenied: the role may make neither a schema nor temporary tables (PostgreSQL), nor a database
            (MariaDB).
    """
    if engine.dialect.name == "sqlite":
        memory = create_async_engine("sqlite+aiosqlite://", poolclass=StaticPool)
        try:
            async with open_session(memory) as session:
                yield session
        finally:
            await memory.dispose()
    elif engine.dialect.name == "postgresql":
        async with open_session(engine) as session:
            await session.begin()
            try:
                await _enter_schema(session)
                yield session
            finally:
                await session.rollback()
    else:
        async with _database(engine) as session:
            yield session


async def _enter_schema(session: EngineSession) -> None:
    path = (await session.fetch("SELECT current_setting('search_path')"))[0][0]
    await session.execute("SAVEPOINT covet_shadow")
    try:
        await session.execute(f"CREATE SCHEMA {_SCHEMA}")
        place = _SCHEMA
    except sa.exc.DBAPIError as error:
        if faults.sqlstate(error) != "42501":
            raise
        # Temporary tables do nearly as well: only keys to tables outside the shadow are refused.
        await session.execute("ROLLBACK TO SAVEPOINT covet_shadow")
        place = "pg_temp"
    await session.execute(f"SET LOCAL search_path TO {place}, {path}")


@asynccontextmanager
async def _database(engine: AsyncEngine) -> AsyncIterator[EngineSession]:
    async with open_session(engine) as session:
        own, charset, collation = (
            await session.fetch("SELECT database(), @@character_set_database, @@collation_database")
        )[0]
        name = quote(f"{_SCHEMA}_{own}_{os.getpid()}"[:64], "mysql")
        try:
            await session.execute(f"CREATE DATABASE {name} CHARACTER SET {charset} COLLATE {collation}")
        except sa.exc.DBAPIError as error:
            raise PermissionDenied(
                f"Comparing definitions on MariaDB needs a database for the moment, and {name} could not be made: "
                f"{error.orig}. Grant this user CREATE and DROP on `{_SCHEMA}_%`."
            ) from error
        try:
            await session.execute(f"USE {name}")
            await session.execute("SET SESSION foreign_key_checks = 0")
            yield session
        finally:
            await session.execute("SET SESSION foreign_key_checks = 1")
            await session.execute(f"USE {quote(own, 'mysql')}")
            await session.execute(f"DROP DATABASE {name}")
