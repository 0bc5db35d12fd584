"""What separates two states of one table; the comparison asks for each table, and for renamed ones again."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from dataclasses import replace
from typing import Final, TypeVar

from covet.database.migrations.changes import (
    AddColumn,
    AddConstraint,
    AddIndex,
    AlterColumn,
    Change,
    CommentTable,
    DropColumn,
    DropConstraint,
    DropIndex,
    RemakeColumn,
    RenameConstraint,
    RenameIndex,
)
from covet.database.migrations.sqltext import quote, tokens
from covet.database.migrations.states.base import ColumnState, ConstraintState, IndexState, TableState

S = TypeVar("S", ConstraintState, IndexState)


# Columns of other programs have spaces in their names.
_NAME: Final = re.compile(r"^[^\W\d][\w ]*$")


def column_changes(live: TableState, target: TableState) -> Iterator[Change]:
    """Columns that came, went or differ."""
    for name, column in target.columns.items():
        if name not in live.columns:
            yield AddColumn(target.name, column)
        else:
            yield from column_change(target.name, live.columns[name], column)
    for name, column in live.columns.items():
        if name not in target.columns:
            yield DropColumn(target.name, column)


def is_same(live: ColumnState, target: ColumnState) -> bool:
    """Whether a column is what the models want.

    On MariaDB a UUID is 32 characters in what Django made before 5.0, and a type of its own since; the values that are
    written and read serve both.
    """
    if live.type == "char(32)" and target.type == "uuid":
        live = replace(live, type=target.type)
    return live == target


def column_change(table: str, live: ColumnState, target: ColumnState) -> Iterator[Change]:
    """How one column differs; another generating expression is another column."""
    if is_same(live, target):
        return
    if live.generated != target.generated:
        yield RemakeColumn(table, live, target)
    else:
        yield AlterColumn(table, live, target)


def table_changes(live: TableState, target: TableState, *, named: Collection[str] = ()) -> Iterator[Change]:
    """Constraints, indexes and the comment.

    Args:
        live: the table as it is.
        target: the table as the models want it.
        named: the constraints and indexes whose names the models give; other names may differ, as those that
            older releases of Django made do.
    """
    remade = {
        name
        for name in set(live.columns) & set(target.columns)
        if live.columns[name].generated != target.columns[name].generated
    }
    # What hangs on a column that is dropped and made anew goes with it, and has to come back.
    before = replace(
        live,
        constraints=[each for each in live.constraints if not set(each.columns) & remade],
        indexes=[each for each in live.indexes if not set(each.columns) & remade],
    )
    yield from (DropConstraint(target.name, each) for each in live.constraints if each not in before.constraints)
    yield from (DropIndex(target.name, each) for each in live.indexes if each not in before.indexes)
    yield from _unique_and_constraints(target, before.constraints, before.indexes, named)
    if live.comment != target.comment:
        yield CommentTable(target.name, live.comment, target.comment)


def _unique_and_constraints(
    target: TableState, constraints: list[ConstraintState], indexes: list[IndexState], named: Collection[str]
) -> Iterator[Change]:
    kept, missing, extra = _matched(constraints, target.constraints, _constraint_key)
    # A unique index without a condition does what a unique constraint does; Django makes either.
    unique_indexes = {_plain_unique(each): each for each in indexes if _plain_unique(each)}
    wanted_indexes = list(target.indexes)
    for constraint in list(missing):
        twin = unique_indexes.get(constraint.columns) if constraint.kind == "u" else None
        if twin is not None:
            missing.remove(constraint)
            indexes = [each for each in indexes if each is not twin]
    for constraint in list(extra):
        twins = [
            each for each in wanted_indexes if constraint.kind == "u" and _plain_unique(each) == constraint.columns
        ]
        if twins:
            extra.remove(constraint)
            wanted_indexes.remove(twins[0])
    yield from (DropConstraint(target.name, each) for each in extra)
    yield from (AddConstraint(target.name, each) for each in missing)
    for old, new in kept:
        if new.name in named and old.name and old.name != new.name:
            yield RenameConstraint(target.name, old.name, str(new.name))
    same, lacking, surplus = _matched(indexes, wanted_indexes, _index_key)
    yield from (DropIndex(target.name, each) for each in surplus)
    yield from (AddIndex(target.name, each) for each in lacking)
    for old_index, new_index in same:
        if new_index.name in named and old_index.name != new_index.name:
            yield RenameIndex(target.name, old_index.name, new_index.name)


def _plain_unique(index: IndexState) -> tuple[str, ...] | None:
    simple = index.is_unique and "WHERE" not in index.definition.upper() and "NULLS" not in index.definition.upper()
    return index.columns if simple and all(_NAME.match(column) for column in index.columns) else None


def _constraint_key(constraint: ConstraintState) -> Hashable:
    return (constraint.kind, constraint.definition)


def _index_key(index: IndexState) -> Hashable:
    return (index.is_unique, index.definition)


def _matched(
    live: Iterable[S], target: Iterable[S], key: Callable[[S], Hashable]
) -> tuple[list[tuple[S, S]], list[S], list[S]]:
    """Pairs that mean the same (by name first), what the target has more, and what the live side has more."""
    left = list(live)
    pairs: list[tuple[S, S]] = []
    missing: list[S] = []
    for same_name in (True, False):
        todo = list(target) if same_name else missing
        missing = []
        for each in todo:
            found = next(
                (one for one in left if key(one) == key(each) and (not same_name or one.name == each.name)), None
            )
            if found is None:
                missing.append(each)
            else:
                left.remove(found)
                pairs.append((found, each))
    # A second one that does the same is the database's own affair (Django leaves some behind when an app moves).
    served = {key(each) for each, _ in pairs}
    return pairs, missing, [each for each in left if key(each) not in served]


def with_column_renamed(state: TableState, old: str, new: str) -> TableState:
    """A table's state once a column has another name; constraints and indexes follow."""
    columns = {
        new if name == old else name: replace(column, name=new) if name == old else column
        for name, column in state.columns.items()
    }

    def follow(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(new if name == old else name for name in names)

    return TableState(
        state.name,
        columns,
        [replace(e, columns=follow(e.columns), definition=_renamed(e.definition, old, new)) for e in state.constraints],
        [replace(e, columns=follow(e.columns), definition=_renamed(e.definition, old, new)) for e in state.indexes],
        state.comment,
    )


def with_reference_renamed(state: TableState, old: str, new: str) -> TableState:
    """A table's state once another table that its keys point to has another name."""
    constraints = [
        replace(each, definition=_renamed(each.definition, old, new)) if each.kind == "f" else each
        for each in state.constraints
    ]
    return replace(state, constraints=constraints)


def _renamed(definition: str, old: str, new: str) -> str:
    parts = []
    for token in tokens(definition):
        if token.kind in {"name", "word"} and token.value == old:
            parts.append(quote(new, "mysql" if token.text[0] == "`" else "postgresql") if token.kind == "name" else new)
        else:
            parts.append(token.text)
    return "".join(parts)
