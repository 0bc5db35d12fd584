"""`covet inspectdb`: writes models for the tables of any database."""

from __future__ import annotations

from collections.abc import Iterable

from covet.database.adapters.base import Adapter
from covet.database.migrations.history import TABLE as HISTORY
from covet.database.migrations.modelling import FieldText, class_name, field_text
from covet.database.migrations.session import open_session
from covet.database.migrations.sqltext import Vendor
from covet.database.migrations.states.base import SchemaState, TableState
from covet.database.migrations.states.reading import read_schema
from covet.exceptions import CovetError, choices

_HEADER = '''\
"""Models written by `covet inspectdb`: read them through, then make them yours.

- Put them in the order you like, and name the relations.
- Choose what `on_delete` does; the database's own action is not seen by the ORM.
- `managed = False` keeps `covet migration auto` away from a table; remove it to let it change the table.
"""

from covet.database.orm import Model
{imports}
'''


class NoSuchTable(CovetError):
    """A table was named that the database does not have."""


async def inspectdb(adapter: Adapter, tables: Iterable[str] = (), *, managed: bool = False) -> str:
    """The source of a module of models.

    Args:
        adapter: the database.
        tables: only these; all unless given.
        managed: whether `covet migration auto` may change the tables.

    Raises:
        NoSuchTable: a table does not exist; the message names the choices.
    """
    async with open_session(adapter) as session:
        schema = await read_schema(session)
        vendor = session.vendor
    wanted = list(tables) or [name for name in schema if name not in {HISTORY, "django_migrations"}]
    for name in wanted:
        if name not in schema:
            raise NoSuchTable(f"There is no table {name!r}; choose one of: {', '.join(choices(name, schema))}")
    return source_of(schema, wanted, vendor, managed=managed)


def source_of(schema: SchemaState, tables: Iterable[str], vendor: Vendor, *, managed: bool = False) -> str:
    """The source of models for tables."""
    used: dict[str, set[str]] = {}
    classes = [_class(schema[name], vendor, used, managed=managed) for name in tables]
    imports = "".join(
        f"from covet.database.orm.{module} import {', '.join(sorted(kinds))}\n"
        for module, kinds in sorted(used.items())
    )
    return _HEADER.format(imports=imports) + "\n" + "\n\n".join(classes)


def _class(table: TableState, vendor: Vendor, used: dict[str, set[str]], *, managed: bool) -> str:
    taken: set[str] = set()
    lines: list[str] = []
    names: dict[str, str] = {}
    for column in table.columns.values():
        text = field_text(table, column, vendor)
        while text.name in taken:
            text.name += "_2"
            text.options.setdefault("db_column", column.name)
        taken.add(text.name)
        names[column.name] = text.name
        is_usual_key = text.kind == "BigAutoField" and text.name == "id" and text.options == {"primary_key": True}
        if not is_usual_key:
            _use(text, used)
            lines.append(_line(text, table))
    lines += ["", "    class Meta:", f"        db_table = {table.name!r}"]
    if not managed:
        lines.append("        managed = False")
    together = [
        tuple(names[column] for column in each.columns)
        for each in table.constraints
        if each.kind == "u" and len(each.columns) > 1
    ]
    if together:
        lines.append(f"        unique_together = {together!r}")
    if len(table.primary_key) > 1:
        used.setdefault("fields", set()).add("CompositePrimaryKey")
        key = ", ".join(repr(names[column]) for column in table.primary_key)
        lines.insert(0, f"    pk = CompositePrimaryKey({key})")
    elif not table.primary_key:
        lines.insert(0, "    # The table has no primary key; mark a unique field with primary_key=True.")
    return f"class {class_name(table.name)}(Model):\n" + "\n".join(lines) + "\n"


def _use(text: FieldText, used: dict[str, set[str]]) -> None:
    used.setdefault(text.module, set()).add(text.kind)
    if text.base is not None:
        _use(text.base, used)


def _line(text: FieldText, table: TableState) -> str:
    if text.to is not None:
        text.to = "self" if text.to == table.name else class_name(text.to)
    remark = f"  # {text.remark}" if text.remark else ""
    return f"    {text.name} = {text.source()}{remark}"
