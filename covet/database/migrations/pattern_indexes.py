"""PostgreSQL's second index of a text that is unique or indexed, in files that are written beside another database.

Django makes it for LIKE. On PostgreSQL the comparison sees it; elsewhere nothing shows that it is missing, so it is
worked out from what changes.
"""

from __future__ import annotations

from collections.abc import Iterable

from covet.database.migrations import changes as c
from covet.database.migrations.comparison import Compared
from covet.database.migrations.index_text import parse_index
from covet.database.migrations.source import call
from covet.database.migrations.sqltext import Vendor
from covet.database.migrations.states.base import ColumnState, TableState
from covet.database.migrations.wanted.schema import WantedIndex
from covet.database.orm.naming import index_name


def pattern_index_calls(compared: Compared, changes: Iterable[c.Change], vendor: Vendor) -> tuple[list[str], list[str]]:
    """The calls for columns that existed before, and their way back.

    Args:
        compared: the comparison.
        changes: those that the file makes.
        vendor: the database that was compared.
    """
    up: list[str] = []
    down: list[str] = []
    for table, column in sorted(_touched(changes) if vendor != "postgresql" else ()):
        live, target = compared.live.get(table), compared.target.get(table)
        if live is None or target is None or column not in live.columns or column not in target.columns:
            continue
        wanted = _wanted(compared, table, column)
        had = _is_text(live.columns[column]) and _is_indexed(live, column)
        if wanted is not None and not had:
            up.append(_create(wanted.name, table, wanted.text))
            down.append(_drop(wanted.name, table))
        elif wanted is None and had:
            name = index_name(table, (column,), "_like")
            operators = "text" if live.columns[column].type == "text" else "varchar"
            up.append(_drop(name, table))
            down.append(_create(name, table, f'("{column}" {operators}_pattern_ops)'))
    return up, down


def _touched(changes: Iterable[c.Change]) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for change in changes:
        if isinstance(change, c.AddConstraint | c.DropConstraint) and len(change.constraint.columns) == 1:
            found.add((change.table, change.constraint.columns[0]))
        elif isinstance(change, c.AddIndex | c.DropIndex) and len(change.index.columns) == 1:
            found.add((change.table, change.index.columns[0]))
        elif isinstance(change, c.AlterColumn) and "type" in change.changed():
            found.add((change.table, change.new.name))
    return found


def _wanted(compared: Compared, table: str, column: str) -> WantedIndex | None:
    indexes = compared.wanted.schemas["postgresql"].tables[table].indexes
    name = index_name(table, (column,), "_like")
    return next((each for each in indexes if each.name == name), None)


def _is_text(column: ColumnState) -> bool:
    return column.type == "text" or column.type.startswith("varchar")


def _is_indexed(table: TableState, column: str) -> bool:
    constrained = any(each.columns == (column,) and each.kind in {"p", "u", "f"} for each in table.constraints)
    return constrained or any(each.columns == (column,) and "where" not in each.definition for each in table.indexes)


def _create(name: str, table: str, text: str) -> str:
    return call("create_index", name, table, list(parse_index(text).items), vendors=["postgresql"])


def _drop(name: str, table: str) -> str:
    return call("drop_index", name, table, vendors=["postgresql"], if_exists=True)
