"""Reads the schema of whatever database a session is on."""

from __future__ import annotations

from covet.database.migrations.session import Session
from covet.database.migrations.states import postgresql, texts
from covet.database.migrations.states.base import SchemaState

_READERS = {"postgresql": postgresql.read, "sqlite": texts.read_sqlite, "mysql": texts.read_mysql}


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


async def read_schema(session: Session) -> SchemaState:
    """Every table of the session's current schema."""
    return await _READERS[session.vendor](session)
