"""COPY for large inserts on PostgreSQL: keys from the sequence first, then all rows in one binary stream.

`inserting` hands over what COPY can do (no conflicts to handle, nothing computed, nothing to read back
but the key); the rows arrive in the order of the instances, so each knows its key.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from covet.database.orm.persistence.columns import Column, bind_column
from covet.database.transaction import transaction
from covet.exceptions import NotSupportedError

# COPY asks the server for the columns' types first: below this many rows one INSERT is quicker.
FEWEST_ROWS = 200
_KEYS = (
    "SELECT array_agg(nextval(pg_get_serial_sequence($1::text, $2::text)::regclass)) FROM generate_series(1, $3::int)"
)


async def copy_rows(
    adapter: Any, model: Any, fields: Sequence[Any], columns: Sequence[Column], *, key: Any
) -> list[int] | None:
    """Insert rows, given as their columns; the new keys where `key` (the automatic primary key) is to be made.

    Returns:
        The keys in order (empty without `key`); None when the server refuses COPY (row-level security),
        and nothing has happened.
    """
    table = model._meta.db_table
    if _is_qualified(table):
        return None
    keys: list[int] = []
    names = [field.column for field in fields]
    bound = [bind_column(field, adapter, column) for field, column in zip(fields, columns, strict=True)]
    try:
        async with transaction(using=adapter.alias):
            if key is not None:
                quoted = adapter.dialect.identifier_preparer.quote_identifier(table)
                keys = (await adapter.run_write(_KEYS, (quoted, key.column, len(columns[0]))))[0][0]
                if None in keys:
                    return None
                names.insert(0, key.column)
                bound.insert(0, keys)
            # One tuple at a time: ten thousand at once would set the garbage collector to work.
            await adapter.copy_records(table, names, zip(*bound, strict=True))
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
