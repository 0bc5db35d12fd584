"""Reads the schema of whatever database a session is on."""

from __future__ import annotations

from collections.abc import Collection

from covet.database.migrations.session import Session
from covet.database.migrations.states import postgresql, texts
from covet.database.migrations.states.base import SchemaState

_OTHERS = {
    "postgresql": (
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = current_schema() AND c.relkind IN ('v', 'm', 'f')"
    ),
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'view' OR upper(sql) LIKE 'CREATE VIRTUAL%'",
    "mysql": (
        "SELECT table_name FROM information_schema.tables "
        "WHERE table_schema = database() AND table_type <> 'BASE TABLE'"
    ),
}


async def read_others(session: Session) -> set[str]:
    """Views, foreign and virtual tables: what models may stand for and migrations leave alone."""
    return {str(row[0]) for row in await session.fetch(_OTHERS[session.vendor])}


async def read_schema(session: Session, *, named: Collection[str] = ()) -> SchemaState:
    """Every table of the session's current schema.

    Args:
        session: the database.
        named: constraints whose names models give; they are never taken for what a column's type brings.
    """
    if session.vendor == "postgresql":
        return await postgresql.read(session, named)
    return await (texts.read_sqlite if session.vendor == "sqlite" else texts.read_mysql)(session)
