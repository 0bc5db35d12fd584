"""Renames: a column or table that went while another of its kind came; asked about, never guessed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from covet.database.migrations.changes import AddColumn, CreateTable, DropColumn, DropTable
from covet.database.migrations.comparison import Compared
from covet.database.migrations.states.base import TableState
from covet.exceptions import CovetError, choices

Ask = Callable[[str], bool]
"""Asked a question that is answered with yes or no."""


class UnknownRename(CovetError):
    """`--rename` names something that did not go, or that did not come."""


@dataclass
class Renames:
    """What was renamed.

    Attributes:
        tables: old name to new name.
        columns: table (its new name), old name, new name.
        refused: candidates that were not taken, as `Table.old:new`.
    """

    tables: dict[str, str] = field(default_factory=dict)
    columns: list[tuple[str, str, str]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.tables or self.columns)


def find_renames(compared: Compared, named: Iterable[str], ask: Ask | None) -> tuple[Compared, Renames]:
    """Take the renames that were named, and ask about those that look like one.

    Args:
        compared: the comparison.
        named: `table.old:new` for columns (the model's name will do), `old:new` for tables.
        ask: asked about the rest; None refuses them all.

    Returns:
        The comparison with the renames made, and what they are.

    Raises:
        UnknownRename: one that was named does not fit; the message names the choices.
    """
    found = Renames()
    wishes = [_wish(compared, text) for text in named]
    for old, new in ((old, new) for table, old, new in wishes if table is None):
        _check(old, [each.table for each in compared.changes if isinstance(each, DropTable)], "table")
        found.tables[old] = new
    for drop, create in _table_pairs(compared):
        if drop.table in found.tables or create.table in found.tables.values():
            continue
        if ask is not None and ask(f"Was the table {drop.table} renamed to {create.table}?"):
            found.tables[drop.table] = create.table
        else:
            found.refused.append(f"{drop.table}:{create.table}")
    if found.tables:
        compared = compared.renamed(found.tables, [])
    for table, old, new in wishes:
        if table is not None:
            gone = [
                each.column.name for each in compared.changes if isinstance(each, DropColumn) and each.table == table
            ]
            if old not in gone and f"{old}_id" in gone:
                # A relation, by the names of its fields.
                come = [e.column.name for e in compared.changes if isinstance(e, AddColumn) and e.table == table]
                old, new = f"{old}_id", f"{new}_id" if f"{new}_id" in come else new
            _check(old, gone, f"column of {table}")
            found.columns.append((table, old, new))
    for dropped, added in _column_pairs(compared):
        if any(
            each[0] == added.table and {dropped.column.name, added.column.name} & set(each[1:])
            for each in found.columns
        ):
            continue
        label = f"{added.table}.{dropped.column.name}"
        if ask is not None and ask(f"Was {label} renamed to {added.table}.{added.column.name}?"):
            found.columns.append((added.table, dropped.column.name, added.column.name))
        else:
            found.refused.append(f"{label}:{added.column.name}")
    if found.columns:
        compared = compared.renamed({}, found.columns)
    if found.tables and found.columns:
        compared.changes.sort(key=lambda change: change.rank)
    return compared, found


def _wish(compared: Compared, text: str) -> tuple[str | None, str, str]:
    old, colon, new = text.partition(":")
    if not colon or not old or not new:
        raise UnknownRename(f"A rename is written table.old:new or old_table:new_table, not {text!r}")
    owner, dot, column = old.rpartition(".")
    if not dot:
        return None, old, new
    tables = compared.wanted.schemas["postgresql"].tables
    if owner in tables:
        return owner, column, new
    fitting = [name for name, table in tables.items() if table.label.lower() == owner.rpartition(".")[2].lower()]
    if len(fitting) != 1:
        known = choices(owner, [*tables, *(table.label for table in tables.values())])
        raise UnknownRename(f"There is no model or table {owner!r}; choose one of: {', '.join(known)}")
    return fitting[0], column, new.rpartition(".")[2]


def _check(name: str, gone: list[str], what: str) -> None:
    if name not in gone:
        known = ", ".join(choices(name, gone)) or "none has gone"
        raise UnknownRename(f"No {what} {name!r} has gone; choose one of: {known}")


def _table_pairs(compared: Compared) -> list[tuple[DropTable, CreateTable]]:
    drops = [each for each in compared.changes if isinstance(each, DropTable)]
    pairs: list[tuple[DropTable, CreateTable]] = []
    for create in (each for each in compared.changes if isinstance(each, CreateTable)):
        fitting = next((each for each in drops if _alike(each.state, create.state)), None)
        if fitting is not None:
            drops.remove(fitting)
            pairs.append((fitting, create))
    return pairs


def _alike(old: TableState, new: TableState) -> bool:
    if set(old.columns) == set(new.columns):
        return True
    # A many-to-many table that became a model of its own brings more columns.
    if len(old.of_kind("f")) == 2 and len(old.columns) == 3 and set(old.columns) < set(new.columns):
        return True
    return len(old.columns) > 1 and [c.type for c in old.columns.values()] == [c.type for c in new.columns.values()]


def _column_pairs(compared: Compared) -> list[tuple[DropColumn, AddColumn]]:
    drops = [each for each in compared.changes if isinstance(each, DropColumn)]
    pairs: list[tuple[DropColumn, AddColumn]] = []
    for added in (each for each in compared.changes if isinstance(each, AddColumn)):
        for dropped in drops:
            same = dropped.column.type == added.column.type and dropped.column.generated == added.column.generated
            if dropped.table == added.table and same:
                drops.remove(dropped)
                pairs.append((dropped, added))
                break
    return pairs
