"""Reads the schema of whatever database a session is on."""

from __future__ import annotations

from covet.database.migrations.session import Session
from covet.database.migrations.states import postgresql, texts
from covet.database.migrations.states.base import SchemaState

_READERS = {"postgresql": postgresql.read, "sqlite": texts.read_sqlite, "mysql": texts.read_mysql}


async def read_schema(session: Session) -> SchemaState:
    """Every table of the session's current schema."""
    return await _READERS[session.vendor](session)
