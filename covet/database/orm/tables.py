"""Tables: a model as SQLAlchemy metadata, every name and type what Django's schema editor makes of it.

Built when first asked for. Queries take columns from it, schema migrations compare it with the database.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.schema import CreateColumn

from covet.database.orm.fields.columns import AUTO, ddl_check
from covet.database.orm.registry import apps

metadata: sa.MetaData = apps.metadata
_TABLE = "_covet_table"


def table_of(model: Any) -> sa.Table:
    """The model's table; a proxy's is that of its concrete model."""
    concrete = model._meta.concrete_model or model
    found: sa.Table | None = concrete.__dict__.get(_TABLE)
    return _build(concrete) if found is None else found


def _build(model: Any) -> sa.Table:
    meta = model._meta
    schema, name = _schema_and_name(meta.db_table)
    registry: sa.MetaData = meta.apps.metadata
    key = f"{schema}.{name}" if schema else name
    # Two models may share a table (unmanaged ones do); the second gets a place of its own.
    home = sa.MetaData() if key in registry.tables else registry
    columns = [column_of(field) for field in meta.local_concrete_fields]
    table = sa.Table(name, home, *columns, schema=schema, comment=meta.db_table_comment or None, sqlite_autoincrement=_is_numbered(meta))
    setattr(model, _TABLE, table)
    return table


def _is_numbered(meta: Any) -> bool:
    """Whether the table's own key is automatic."""
    return any(field.primary_key and field.get_internal_type() in AUTO for field in meta.local_concrete_fields)


def _schema_and_name(db_table: str) -> tuple[str | None, str]:
    schema, dot, name = db_table.partition('"."')
    if dot:
        return schema.strip('"'), name.strip('"')
    return None, db_table.strip('"')


def column_of(field: Any) -> sa.Column[Any]:
    """The column of a field."""
    internal = field.get_internal_type()
    options: list[Any] = []
    is_auto = internal in AUTO
    if is_auto:
        options.append(sa.Identity(always=False))
    return sa.Column(
        field.column,
        field.sa_type(),
        *options,
        primary_key=field.primary_key,
        nullable=bool(field.null) and not field.primary_key,
        autoincrement=is_auto,
        comment=field.db_comment or None,
    )


__all__ = ["CreateColumn", "column_of", "ddl_check", "metadata", "table_of"]
