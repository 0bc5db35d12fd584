"""Reads models: every column, constraint and index that Django's schema editor would make of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from covet.database.migrations.sqltext import Vendor, quote, quoted
from covet.database.migrations.wanted.expressions import expression_sql
from covet.database.migrations.wanted.schema import (
    WantedColumn,
    WantedConstraint,
    WantedIndex,
    WantedSchema,
    WantedTable,
)
from covet.database.orm.constraints import CheckConstraint, ExclusionConstraint, UniqueConstraint
from covet.database.orm.ddl import index_item_sql
from covet.database.orm.expressions.values import Value
from covet.database.orm.fields.columns import AUTO
from covet.database.orm.indexes import Index
from covet.database.orm.naming import index_name, split_identifier
from covet.database.orm.types import Vendor as TypeVendor

# MariaDB indexes these only by a prefix, so Django leaves the index out.
_UNINDEXED: Final = re.compile(r"^(tiny|medium|long)?(text|blob)|^json", re.IGNORECASE)


def wanted_schema(models: Iterable[Any], vendor: Vendor) -> WantedSchema:
    """The tables of models, in the words of one database.

    Args:
        models: model classes; those without a table of their own are left out.
        vendor: the database.
    """
    schema = WantedSchema(vendor)
    for model in models:
        meta = model._meta
        if meta.proxy or meta.abstract or meta.swapped or not meta.managed:
            continue
        _, name = split_identifier(meta.db_table)
        if name not in schema.tables:
            schema.tables[name] = _table(model, name, vendor)
    schema.sort()
    return schema


def _table(model: Any, name: str, vendor: Vendor) -> WantedTable:
    meta = model._meta
    table = WantedTable(name, meta.object_name, comment=meta.db_table_comment or None)
    for field in meta.local_concrete_fields:
        table.columns[field.column] = _column(model, field, vendor)
        table.fields[field.column] = field.name
        _field_constraints(table, field, vendor)
        _field_indexes(table, field, vendor)
    keys = getattr(meta.pk, "fields", None)
    if keys:
        columns = tuple(field.column for field in keys)
        table.constraints.insert(0, WantedConstraint("p", None, columns, f"PRIMARY KEY ({quoted(columns, vendor)})"))
    for names in meta.unique_together:
        columns = tuple(meta.get_field(each).column for each in names)
        text = f"UNIQUE ({quoted(columns, vendor)})"
        unique = index_name(name, columns, "_uniq", vendor=vendor)
        table.constraints.append(WantedConstraint("u", unique, columns, text))
    for constraint in meta.constraints:
        _constraint(table, model, constraint, vendor)
    for index in meta.indexes:
        _index(table, model, index, vendor)
    table.named = frozenset(str(each.name) for each in [*meta.constraints, *meta.indexes])
    return table


def _column(model: Any, field: Any, vendor: Vendor) -> WantedColumn:
    database = TypeVendor(_dialect(vendor))
    is_counting = field.get_internal_type() in AUTO
    generated = default = None
    if getattr(field, "generated", False):
        stored = "STORED" if field.db_persist else "VIRTUAL"
        generated = f"GENERATED ALWAYS AS ({expression_sql(model, field.expression, vendor)}) {stored}"
    elif field.has_db_default():
        default = _default(model, field, vendor)
    return WantedColumn(
        field.column,
        str(field.sa_type().spelled(_dialect(vendor))),
        (bool(field.null) or generated is not None) and not field.primary_key,
        bool(field.primary_key),
        is_counting,
        default,
        generated,
        field.db_check(database),
        field.db_comment if vendor != "sqlite" else None,
    )


def _default(model: Any, field: Any, vendor: Vendor) -> str:
    expression = field.db_default
    if not hasattr(expression, "resolve_expression"):
        expression = Value(expression, field)
    text = expression_sql(model, expression, vendor)
    simple = re.fullmatch(r"'(?:[^']|'')*'|-?[\w.]+", text) is not None
    return text if simple or vendor == "postgresql" else f"({text})"


def _dialect(vendor: Vendor) -> str:
    return "mariadb" if vendor == "mysql" else vendor


def _field_constraints(table: WantedTable, field: Any, vendor: Vendor) -> None:
    columns = (field.column,)
    if field.unique and not field.primary_key:
        table.constraints.append(WantedConstraint("u", None, columns, f"UNIQUE ({quoted(columns, vendor)})"))
    remote = field.remote_field
    if remote is None or not getattr(field, "db_constraint", False):
        return
    target = field.target_field
    _, other = split_identifier(target.model._meta.db_table)
    table.refers.add(other)
    name = index_name(table.name, columns, f"_fk_{other}_{target.column}", vendor=vendor)
    text = f"FOREIGN KEY ({quoted(columns, vendor)}) REFERENCES {quote(other, vendor)} ({quote(target.column, vendor)})"
    text += _database_action(field)
    text += "" if vendor == "mysql" else " DEFERRABLE INITIALLY DEFERRED"
    table.constraints.append(WantedConstraint("f", name, columns, text))


def _database_action(field: Any) -> str:
    """What the database itself does on delete: nothing, unless the model asks for it (DB_CASCADE and the like)."""
    action = getattr(field.remote_field.on_delete, "on_delete_sql", None)
    return f" ON DELETE {action}" if isinstance(action, str) else ""


def _field_indexes(table: WantedTable, field: Any, vendor: Vendor) -> None:
    kind = str(field.sa_type().spelled(_dialect(vendor)))
    columns = (field.column,)
    is_indexed = field.db_index and not field.unique
    if vendor == "mysql" and (
        _UNINDEXED.match(kind) or (field.remote_field and getattr(field, "db_constraint", False))
    ):
        # InnoDB makes the index of a foreign key by itself.
        is_indexed = False
    if is_indexed:
        name = index_name(table.name, columns, vendor=vendor)
        table.indexes.append(WantedIndex(name, table.name, f"({quoted(columns, vendor)})"))
    if vendor == "postgresql" and (field.db_index or field.unique) and "[" not in kind:
        operators = next((word for word in ("varchar", "text", "citext") if kind.startswith(word)), None)
        if operators in {"varchar", "text"}:
            name = index_name(table.name, columns, "_like")
            table.indexes.append(WantedIndex(name, table.name, f"({quote(field.column)} {operators}_pattern_ops)"))


def _constraint(table: WantedTable, model: Any, constraint: Any, vendor: Vendor) -> None:
    if isinstance(constraint, CheckConstraint):
        text = f"CHECK ({expression_sql(model, constraint.condition, vendor)})"
        table.constraints.append(WantedConstraint("c", constraint.name, (), text))
    elif isinstance(constraint, UniqueConstraint):
        _unique(table, model, constraint, vendor)
    elif isinstance(constraint, ExclusionConstraint) and vendor == "postgresql":
        items = ", ".join(
            f"{index_item_sql(model, each, vendor)} WITH {operator}" for each, operator in constraint.expressions
        )
        text = f"EXCLUDE USING {constraint.index_type} ({items})" + _include(model, constraint.include)
        text += _where(model, constraint.condition, vendor, brackets=True) + _deferrable(constraint.deferrable)
        table.constraints.append(WantedConstraint("x", constraint.name, (), text))


def _unique(table: WantedTable, model: Any, constraint: Any, vendor: Vendor) -> None:
    columns = tuple(model._meta.get_field(each).column for each in constraint.fields)
    partial = constraint.condition is not None
    special = constraint.expressions or constraint.include or constraint.opclasses
    if vendor == "mysql" and (partial or constraint.expressions):
        return
    if vendor != "postgresql" and (
        constraint.deferrable or constraint.include or constraint.nulls_distinct is not None
    ):
        return
    nulls = {None: "", True: " NULLS DISTINCT", False: " NULLS NOT DISTINCT"}[constraint.nulls_distinct]
    if not partial and not special:
        text = f"UNIQUE{nulls} ({quoted(columns, vendor)}){_deferrable(constraint.deferrable)}"
        table.constraints.append(WantedConstraint("u", constraint.name, columns, text))
        return
    if constraint.expressions:
        items = [index_item_sql(model, each, vendor) for each in constraint.expressions]
    else:
        items = _with_opclasses([quote(column, vendor) for column in columns], constraint.opclasses, vendor)
    text = f"({', '.join(items)})"
    if vendor == "postgresql":
        text += _include(model, constraint.include) + nulls
    text += _where(model, constraint.condition, vendor)
    table.indexes.append(WantedIndex(constraint.name, table.name, text, is_unique=True))


def _index(table: WantedTable, model: Any, index: Index, vendor: Vendor) -> None:
    if vendor == "mysql" and index.expressions:
        return
    if index.method not in {"", "btree"} and vendor != "postgresql":
        return
    if index.expressions:
        items = [index_item_sql(model, each, vendor) for each in index.expressions]
    else:
        pairs = index.column_fields(model)
        names = _with_opclasses([quote(field.column, vendor) for field, _ in pairs], index.opclasses, vendor)
        items = [f"{name} {order}".strip() for name, (_, order) in zip(names, pairs, strict=True)]
    text = f"USING {index.method} " if vendor == "postgresql" and index.method else ""
    text += f"({', '.join(items)})"
    if vendor == "postgresql":
        text += _include(model, index.include)
        parameters = ", ".join(f"{key} = {value}" for key, value in index.with_parameters().items())
        text += f" WITH ({parameters})" if parameters else ""
    if vendor != "mysql":
        # Django leaves the condition out there, and makes the index over every row.
        text += _where(model, index.condition, vendor)
    table.indexes.append(WantedIndex(str(index.name), table.name, text))


def _with_opclasses(names: Sequence[str], opclasses: Sequence[str], vendor: Vendor) -> list[str]:
    if not opclasses or vendor != "postgresql":
        return list(names)
    return [f"{name} {opclass}".strip() for name, opclass in zip(names, opclasses, strict=True)]


def _include(model: Any, names: Sequence[str]) -> str:
    return f" INCLUDE ({quoted(model._meta.get_field(each).column for each in names)})" if names else ""


def _where(model: Any, condition: Any, vendor: Vendor, *, brackets: bool = False) -> str:
    if condition is None:
        return ""
    text = expression_sql(model, condition, vendor)
    return f" WHERE ({text})" if brackets else f" WHERE {text}"


def _deferrable(deferrable: Any) -> str:
    return "" if deferrable is None else f" DEFERRABLE INITIALLY {deferrable.name}"
