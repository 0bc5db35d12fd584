"""SQLite's table rebuild: a new table, the rows copied, the old one dropped; indexes, triggers and counters kept.

SQLite alters little in place. The stored CREATE TABLE text is changed as text, so nothing that a
reflection would lose (CHECKs, collations, AUTOINCREMENT, deferrable keys, generated columns) is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from covet.database.migrations.create_text import TableText, parse
from covet.database.migrations.session import Session
from covet.database.migrations.sqltext import literal, quote, quoted, words
from covet.exceptions import OperationalError, ProgrammingError

Change = Callable[[TableText], "Mapping[str, str] | None"]
"""Changes the text in place; may return SQL expressions that fill columns (new name to expression)."""


async def table_text(session: Session, table: str) -> TableText:
    """The stored definition of a table.

    Raises:
        ProgrammingError: there is no such table.
    """
    rows = await session.fetch(
        f"SELECT sql FROM sqlite_master WHERE type = 'table' AND lower(name) = lower({literal(table)})"
    )
    if not rows:
        raise ProgrammingError(f"no such table: {table}")
    text = parse(rows[0][0])
    text.name = table
    return text


async def rebuild(session: Session, table: str, change: Change) -> None:
    """Change a table's definition with its rows kept.

    Raises:
        OperationalError: foreign keys are enforced on this connection, so that dropping the old table would
            delete rows elsewhere. The runner turns them off before the transaction and checks them at its end.
    """
    if (await session.fetch("PRAGMA foreign_keys"))[0][0]:
        raise OperationalError(
            f"Rebuilding {table!r} needs PRAGMA foreign_keys = OFF before the transaction; run it through "
            "`covet migration apply`, which does that and checks every key afterwards."
        )
    # Without a transaction around the migration, one around the rebuild: a kill must not leave the table half made.
    async with session.whole():
        await _rebuild(session, table, change)


async def _rebuild(session: Session, table: str, change: Change) -> None:
    text = await table_text(session, table)
    before = {column.name for column in text.columns if not column.is_generated}
    filled = dict(change(text) or {})
    attached = await session.fetch(
        "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND type IN ('index', 'trigger') "
        f"AND tbl_name = {literal(table)}"
    )
    counter = await _counter(session, table)
    fresh = f"new__{table}"
    await session.execute(text.sql("sqlite", name=fresh))
    kept = [c.name for c in text.columns if not c.is_generated and (c.name in before or c.name in filled)]
    values = ", ".join(filled.get(name, quote(name)) for name in kept)
    await session.execute(f"INSERT INTO {quote(fresh)} ({quoted(kept)}) SELECT {values} FROM {quote(table)}")
    await session.execute(f"DROP TABLE {quote(table)}")
    # Without this, renaming is refused while a view speaks of the table that was just dropped.
    await session.execute("PRAGMA legacy_alter_table = ON")
    await session.execute(f"ALTER TABLE {quote(fresh)} RENAME TO {quote(table)}")
    await session.execute("PRAGMA legacy_alter_table = OFF")
    if counter is not None:
        await session.execute(f"UPDATE sqlite_sequence SET seq = max(seq, {counter}) WHERE name = {literal(table)}")
    left = {column.name.lower() for column in text.columns}
    gone = {name.lower() for name in before} - left
    for _name, sql in attached:
        if not gone & {token.value.lower() for token in words(sql)}:
            await session.execute(sql)


async def _counter(session: Session, table: str) -> int | None:
    exists = await session.fetch("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'")
    if not exists:
        return None
    rows = await session.fetch(f"SELECT seq FROM sqlite_sequence WHERE name = {literal(table)}")
    return int(rows[0][0]) if rows else None
