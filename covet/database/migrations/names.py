"""Django's names for constraints that a migration adds without naming them."""

from __future__ import annotations

from collections.abc import Sequence

from covet.database.migrations.sqltext import Vendor
from covet.database.orm.naming import index_name


def unique_name(table: str, columns: Sequence[str], vendor: Vendor = "postgresql") -> str:
    """The name of a unique constraint that is added to a table that exists."""
    return index_name(table, columns, "_uniq", vendor=vendor)


def foreign_key_name(
    table: str, columns: Sequence[str], other: str, other_columns: Sequence[str], vendor: Vendor = "postgresql"
) -> str:
    """The name of a foreign key."""
    return index_name(table, columns, f"_fk_{other}_{other_columns[0]}", vendor=vendor)
