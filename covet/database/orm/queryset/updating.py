"""UPDATE of many rows by one statement on PostgreSQL: their values as arrays, joined to the table by key.

`bulk_update` asks it first. What arrays cannot carry (expressions, fields with a type or a conversion of the
project's own) is None here, and goes through CASE … WHEN as on other databases.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from covet.database.orm.persistence.columns import Column, bind_column, is_plain, read_column
from covet.database.orm.persistence.plans import has_own_type, target_of

_ARRAYS: Final = {
    "AutoField": "integer",
    "BigAutoField": "bigint",
    "SmallAutoField": "smallint",
    "IntegerField": "integer",
    "BigIntegerField": "bigint",
    "SmallIntegerField": "smallint",
    "PositiveIntegerField": "integer",
    "PositiveBigIntegerField": "bigint",
    "PositiveSmallIntegerField": "smallint",
    "FloatField": "double precision",
    "BooleanField": "boolean",
    "UUIDField": "uuid",
    "DateField": "date",
    "DateTimeField": "timestamptz",
    # Without length and precision: the assignment to the column checks those, a cast would cut the value short.
    "DecimalField": "numeric",
    "CharField": "text",
    "TextField": "text",
    "SlugField": "text",
}


def array_type(field: Any) -> str | None:
    """The element type of arrays of `field`'s values; None for fields that arrays cannot carry."""
    if has_own_type(field) or hasattr(field, "get_placeholder"):
        return None
    return _ARRAYS.get(target_of(field).get_internal_type())


def can_join(adapter: Any, model: Any, fields: Sequence[Any]) -> bool:
    """Whether rows of `model` can be updated this way: one key, all columns in its own table, all types known."""
    opts = model._meta
    every = (opts.pk, *fields)
    return (
        adapter.vendor == "postgresql"
        and not getattr(opts.pk, "is_composite", False)
        and '"' not in opts.db_table
        and all(field in opts.local_concrete_fields and array_type(field) is not None for field in every)
    )


async def update_joined(adapter: Any, model: Any, fields: Sequence[Any], objs: Sequence[Any]) -> int | None:
    """Write `fields` of `objs`; how many rows were matched, or None (and nothing written) where one is computed."""
    key = model._meta.pk
    # Of several objects of one row the first counts, as in CASE.
    distinct = list({obj.pk: obj for obj in reversed(objs)}.values())
    columns: list[Column] = [read_column(field, distinct, raw=True) for field in (key, *fields)]
    if not all(map(is_plain, columns)):
        return None
    every = (key, *fields)
    args = [bind_column(field, adapter, column) for field, column in zip(every, columns, strict=True)]
    return await adapter.run_dml(_statement(adapter, model, every), args)  # type: ignore[no-any-return]


def _statement(adapter: Any, model: Any, fields: Sequence[Any]) -> str:
    quote = adapter.dialect.identifier_preparer.quote_identifier
    table = quote(model._meta.db_table)
    names = [quote(field.column) for field in fields]
    arrays = ", ".join(f"${number}::{array_type(field)}[]" for number, field in enumerate(fields, 1))
    given = ", ".join(f"v{number}" for number in range(len(fields)))
    changes = ", ".join(f"{name} = _given.v{number}" for number, name in enumerate(names) if number)
    joined = f"FROM unnest({arrays}) AS _given({given}) WHERE {table}.{names[0]} = _given.v0"
    return f"UPDATE {table} SET {changes} {joined}"  # noqa: S608 - names of the model's, quoted; values are parameters
