"""Django's names for constraints and indexes, so that one database serves both without drift."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

_LONGEST = 63


def digest(*parts: str, length: int = 8) -> str:
    """The first characters of the MD5 of the parts, as Django shortens names."""
    whole = hashlib.md5(usedforsecurity=False)
    for part in parts:
        whole.update(part.encode())
    return whole.hexdigest()[:length]


def index_name(table: str, columns: Sequence[str], suffix: str = "") -> str:
    """The name of an index on columns, cut to what every database takes."""
    ending = f"{digest(table, *columns)}{suffix}"
    joined = "_".join(columns)
    whole = f"{table}_{joined}_{ending}"
    if len(whole) <= _LONGEST:
        return whole
    if len(ending) > _LONGEST // 3:
        ending = ending[: _LONGEST // 3]
    each = (_LONGEST - len(ending)) // 2 - 1
    whole = f"{table[:each]}_{joined[:each]}_{ending}"
    if whole[0] == "_" or whole[0].isdigit():
        whole = f"D{whole[:-1]}"
    return whole


def unique_name(table: str, columns: Sequence[str]) -> str:
    """The name of a unique constraint that is added to a table that exists."""
    return index_name(table, columns, "_uniq")


def foreign_key_name(table: str, columns: Sequence[str], other: str, other_columns: Sequence[str]) -> str:
    """The name of a foreign key."""
    return index_name(table, columns, f"_fk_{other}_{other_columns[0]}")
