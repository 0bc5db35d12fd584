"""Names of what models create in a database, equal to Django's; the databases' limits kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from covet.database.config import DatabaseConfig
from covet.database.connections.registry import DEFAULT, connections

MAX_LENGTH: Final[dict[str, int | None]] = {"postgresql": 63, "mysql": 64, "mariadb": 64, "sqlite": None}
INDEX_NAME_LENGTH: Final = 30


def names_digest(*parts: str, length: int) -> str:
    """The first `length` hexadecimal digits of the MD5 sum of the parts."""
    digest = hashlib.md5(usedforsecurity=False)
    for part in parts:
        digest.update(part.encode())
    return digest.hexdigest()[:length]


def split_identifier(identifier: str) -> tuple[str, str]:
    """(schema, name) of `"schema"."name"`; the schema empty when there is none."""
    schema, dot, name = identifier.partition('"."')
    if not dot:
        schema, name = "", identifier
    return schema.strip('"'), name.strip('"')


def truncate_name(identifier: str, length: int | None = None, hash_length: int = 4) -> str:
    """The identifier, its end replaced by a digest when it is longer than `length`."""
    schema, name = split_identifier(identifier)
    if length is None or len(name) <= length:
        return identifier
    digest = names_digest(name, length=hash_length)
    short = f"{name[: length - hash_length]}{digest}"
    return f'{schema}"."{short}' if schema else short


def table_name(identifier: str) -> str:
    """A made table name as the default database holds it: Django shortens it when the model is made.

    While no database is configured the shortest limit holds: PostgreSQL would cut the name by itself.
    """
    shortest = min(limit for limit in MAX_LENGTH.values() if limit is not None)
    if len(split_identifier(identifier)[1]) <= shortest:
        return identifier
    given = connections.databases.get(DEFAULT)
    limit = shortest if given is None else MAX_LENGTH[DatabaseConfig.of(given).engine]
    return truncate_name(identifier, limit)


def index_name(table: str, columns: Sequence[str], suffix: str = "", *, vendor: str = "postgresql") -> str:
    """The name of an index, unique or foreign key constraint over columns: table, columns, digest, suffix."""
    _schema, table = split_identifier(table)
    ending = f"{names_digest(table, *columns, length=8)}{suffix}"
    limit = MAX_LENGTH[vendor] or 200
    name = f"{table}_{'_'.join(columns)}_{ending}"
    if len(name) <= limit:
        return name
    ending = ending[: limit // 3] if len(ending) > limit // 3 else ending
    each = (limit - len(ending)) // 2 - 1
    name = f"{table[:each]}_{'_'.join(columns)[:each]}_{ending}"
    if name[0] == "_" or name[0].isdigit():
        name = f"D{name[:-1]}"
    return name


def model_index_name(table: str, columns: Sequence[str], orders: Sequence[str], suffix: str) -> str:
    """The name that `Meta.indexes` gives an index without one: 30 characters at most."""
    _schema, table = split_identifier(table)
    signed = [f"-{column}" if order else column for column, order in zip(columns, orders, strict=True)]
    digest = names_digest(table, *signed, suffix, length=6)
    name = f"{table[:11]}_{columns[0][:7]}_{digest}_{suffix}"
    if name[0] == "_" or name[0].isdigit():
        name = f"D{name[1:]}"
    return name
