"""Replays migrations in a shadow: what SQL they send, and what schema they leave, with the real tables untouched."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable
from contextlib import AbstractAsyncContextManager

import sqlalchemy as sa

from covet.database.adapters.base import Adapter
from covet.database.migrations.definitions import Target
from covet.database.migrations.files import Key, MigrationFile
from covet.database.migrations.history import TABLE as HISTORY
from covet.database.migrations.managed import made_tables
from covet.database.migrations.session import Row, Session, open_session
from covet.database.migrations.shadow import shadow
from covet.database.migrations.sqltext import Vendor, quote
from covet.database.migrations.states.base import SchemaState
from covet.database.migrations.states.reading import read_schema
from covet.exceptions import CovetError, DatabaseError


class CannotReplay(CovetError):
    """A migration does not run apart from the real database."""


class Recording:
    """A session that keeps what passes through it."""

    def __init__(self, inner: Session) -> None:
        self._inner = inner
        self.statements: list[str] = []

    @property
    def vendor(self) -> Vendor:
        """The database."""
        return self._inner.vendor

    @property
    def target(self) -> Target:
        """The database as definitions see it."""
        return self._inner.target

    @property
    def dialect(self) -> sa.Dialect:
        """SQLAlchemy's dialect."""
        return self._inner.dialect

    async def execute(self, sql: str, *args: object) -> int:
        """Keep a statement, and run it where nothing is lost."""
        values = f"  -- {args!r}" if args else ""
        self.statements.append(f"{sql};{values}")
        # Nothing is concurrent in a shadow, and its transaction allows nothing to be.
        return await self._inner.execute(sql.replace(" CONCURRENTLY", ""), *args)

    async def fetch(self, sql: str, *args: object) -> list[Row]:
        """The rows of a query."""
        return await self._inner.fetch(sql, *args)

    def whole(self) -> AbstractAsyncContextManager[None]:
        """All or nothing of several statements."""
        return self._inner.whole()

    def note(self, text: str) -> None:
        """Keep what is no SQL."""
        self.statements.append(f"-- {text}")


async def replay(
    adapter: Adapter,
    files: Iterable[MigrationFile],
    *,
    record: Container[Key] = frozenset(),
    named: Collection[str] = (),
) -> tuple[dict[Key, list[str]], SchemaState]:
    """Run migrations one after the other in a shadow.

    Args:
        adapter: the database.
        files: the migrations, in order, from the first one on.
        record: whose SQL is wanted.
        named: constraints whose names models give.

    Returns:
        Key to statements, and the schema that all of them leave.

    Raises:
        CannotReplay: one of them fails there; the cause is kept.
    """
    chosen = list(files)
    statements: dict[Key, list[str]] = {}
    if not chosen:
        return statements, {}
    foreign = await _foreign_tables(adapter, made_tables(chosen))
    async with shadow(adapter, sealed=True) as session:
        for statement in foreign:
            await session.execute(statement)
        for each in chosen:
            recording = Recording(session)
            migration = each.migration(recording, skip_data=recording.note)
            try:
                await migration.up()
            except (DatabaseError, CovetError, LookupError) as error:
                raise CannotReplay(
                    f"{each.title} does not run apart from the real database, so its SQL cannot be shown: {error}"
                ) from error
            if each.key in record:
                statements[each.key] = recording.statements
        return statements, await read_schema(session, named=named)


async def _foreign_tables(adapter: Adapter, made: Container[str]) -> list[str]:
    """What makes, in the shadow, the tables that no migration has made (Django's, for example)."""
    async with open_session(adapter) as session:
        if session.vendor == "sqlite":
            rows = await session.fetch(
                "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND sql IS NOT NULL "
                "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
            )
            return [str(sql) for name, sql in rows if name not in made and name != HISTORY]
        names = [name for name in await read_schema(session) if name not in made and name != HISTORY]
        if session.vendor == "mysql":
            own = quote((await session.fetch("SELECT database()"))[0][0], "mysql")
            return [f"CREATE TABLE {quote(name, 'mysql')} LIKE {own}.{quote(name, 'mysql')}" for name in names]
        own = quote((await session.fetch("SELECT current_schema()"))[0][0])
        return [f"CREATE TABLE {quote(name)} (LIKE {own}.{quote(name)} INCLUDING ALL)" for name in names]
