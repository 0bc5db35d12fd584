"""COPY for large inserts on PostgreSQL: keys from the sequence first, then all rows in one binary stream.

`inserting` hands over what COPY can do (no conflicts to handle, nothing computed, nothing to read back
but the key); the rows arrive in the order of the instances, so each knows its key.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from covet.database.orm.persistence.plans import binder
from covet.database.transaction import transaction
from covet.exceptions import NotSupportedError

# COPY asks the server for the columns' types first: below this many rows one INSERT is quicker.
FEWEST_ROWS = 200
_KEYS = "SELECT nextval(pg_get_serial_sequence($1::text, $2::text)::regclass) FROM generate_series(1, $3::int)"


async def copy_rows(
    adapter: Any, model: Any, fields: Sequence[Any], rows: Sequence[Sequence[Any]], *, key: Any
) -> list[int] | None:
    """Insert `rows`; the new keys where `key` (the automatic primary key) is to be made.

    Returns:
        The keys in order (empty without `key`); None when the server refuses COPY (row-level security),
        and nothing has happened.
    """
    table = model._meta.db_table
    if _is_qualified(table):
        return None
    keys: list[int] = []
    columns = [field.column for field in fields]
    binders = [binder(field, adapter) for field in fields]
    records: Any
    try:
        async with transaction(using=adapter.alias):
            if key is not None:
                quoted = adapter.dialect.identifier_preparer.quote_identifier(table)
                keys = [row[0] for row in await adapter.run_write(_KEYS, (quoted, key.column, len(rows)))]
                if None in keys:
                    return None
                columns = [key.column, *columns]
                records = [
                    (number, *(bind(value) for bind, value in zip(binders, row, strict=True)))
                    for number, row in zip(keys, rows, strict=True)
                ]
            else:
                records = [tuple(bind(value) for bind, value in zip(binders, row, strict=True)) for row in rows]
            await adapter.copy_records(table, columns, records)
    except NotSupportedError:
        return None
    return keys


def can_copy(adapter: Any, fields: Sequence[Any], returning: Sequence[Any], rows: int, key: Any) -> bool:
    """Whether COPY does what is asked."""
    return (
        adapter.features.supports_copy
        and rows >= FEWEST_ROWS
        and bool(fields)
        and all(field is key for field in returning)
    )


def _is_qualified(table: str) -> bool:
    return '"' in table or "." in table
