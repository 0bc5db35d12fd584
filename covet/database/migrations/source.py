"""The source of a migration: each change as the call of an operation, in the guide's form."""

from __future__ import annotations

import keyword
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import singledispatchmethod
from typing import Any

from covet.database.migrations import changes as c
from covet.database.migrations.definitions import Definition
from covet.database.migrations.index_text import IndexText
from covet.database.migrations.operations.columns import KEEP, Keep
from covet.database.migrations.sqltext import VENDORS, Vendor
from covet.database.migrations.states.base import ColumnState, ConstraintState, TableState
from covet.database.migrations.wording import Wording, foreign_key

_INDENT = " " * 8

_FILE = '''\
from covet.database.migrations import Migration


class Migration(Migration):
    """{title}"""
{attributes}
    async def up(self):
        """Apply migration."""
{up}

    async def down(self):
        """Rollback migration."""
{down}
'''

Filler = Callable[[str, str], Any]
"""(table, column) to the value for the rows that exist, or KEEP."""


def file_source(
    title: str, up: Sequence[str], down: Sequence[str], *, attributes: Sequence[tuple[str, object]] = ()
) -> str:
    """A whole migration file.

    Args:
        title: its docstring.
        up: calls, each without indentation.
        down: calls of the way back.
        attributes: class attributes, such as `atomic`.
    """
    lines = "".join(f"\n    {name} = {value!r}" for name, value in attributes)
    return _FILE.format(
        title=title.rstrip(".") + ".",
        attributes=f"{lines}\n" if lines else "",
        up=_body(up),
        down=_body(down),
    )


def _body(calls: Sequence[str]) -> str:
    if not calls:
        return f"{_INDENT}pass"
    return "\n".join(_INDENT + call.replace("\n", f"\n{_INDENT}") for call in calls)


def call(operation: str, /, *arguments: object, **options: object) -> str:
    """One awaited call; long ones take a line for each argument."""
    parts = [repr(each) for each in arguments] + [f"{key}={value!r}" for key, value in options.items()]
    line = f"await self.{operation}({', '.join(parts)})"
    if len(line) + len(_INDENT) <= 110:
        return line
    return f"await self.{operation}(\n" + "".join(f"    {part},\n" for part in parts) + ")"


class Source:
    """Writes the changes of one comparison as calls.

    Args:
        wording: the words of definitions.
        fill: asked for the value of a new NOT NULL column in the rows that exist.
        existing: tables that exist before the migration; keys may point to them at once.
    """

    def __init__(self, wording: Wording, *, fill: Filler, existing: Iterable[str] = ()) -> None:
        self._wording = wording
        self._fill = fill
        self._existing = set(existing)

    def calls(self, changes: Iterable[c.Change]) -> list[str]:
        """The calls, in order."""
        made: list[str] = []
        later: list[str] = []
        for change in changes:
            if isinstance(change, c.CreateTable):
                now, after = self._create_table(change)
                made += now
                later += after
            else:
                # Keys to tables of the same migration wait until all of those stand.
                if change.rank > c.CreateTable.rank:
                    made += later
                    later = []
                made += self.write(change)
        return made + later

    @singledispatchmethod
    def write(self, change: c.Change) -> list[str]:
        """The calls of one change."""
        raise TypeError(f"A change of an unknown kind: {change!r}")

    def _create_table(self, change: c.CreateTable) -> tuple[list[str], list[str]]:
        table = change.state
        named: list[Definition] = []
        after: list[str] = []
        unique = {
            each.columns[0] for each in table.of_kind("u") if len(each.columns) == 1 and _is_plain_unique(table, each)
        }
        for each in table.constraints:
            if each.kind == "u" and each.columns[0] in unique and len(each.columns) == 1:
                continue
            if each.kind == "p" and len(each.columns) == 1:
                continue
            if each.kind == "f" and foreign_key(each).table not in self._existing | {table.name}:
                after += self._add_foreign_key(table.name, each)
                continue
            definition = self._wording.constraint(table.name, each)
            named.append(_named(self._wording.names(table.name, each), definition) if each.name else definition)
        named += [
            _named(dict.fromkeys(VENDORS, name), text) for name, text in self._wording.constraints_elsewhere(table.name)
        ]
        self._existing.add(table.name)
        columns = {
            name: self._wording.column(table, column, unique=name in unique) for name, column in table.columns.items()
        }
        lines = [f"    {table.name!r},\n"]
        lines += [f"    {each!r},\n" for each in named]
        simple = {name: text for name, text in columns.items() if name.isidentifier() and not keyword.iskeyword(name)}
        if len(simple) == len(columns):
            lines += [f"    {name}={text!r},\n" for name, text in columns.items()]
        else:
            lines += ["    **{\n", *(f"        {name!r}: {text!r},\n" for name, text in columns.items()), "    },\n"]
        made = ["await self.create_table(\n" + "".join(lines) + ")"]
        for index in table.indexes:
            made += self.write(c.AddIndex(table.name, index))
        for index_name, text, vendors in self._wording.elsewhere(table.name):
            made.append(_create_index(index_name, table.name, text, vendors))
        made += self._comments(table)
        return made, after

    def _comments(self, table: TableState) -> list[str]:
        comment = self._wording.comment(table.name, table)
        made = [call("comment_table", table.name, comment)] if comment else []
        for column in table.columns.values():
            made += self._comment(table.name, column)
        return made

    def _comment(self, table: str, column: ColumnState) -> list[str]:
        comment = self._wording.comment(table, column)
        return [call("comment_column", table, column.name, comment)] if comment else []

    @write.register
    def _(self, change: c.CreateTable) -> list[str]:
        now, after = self._create_table(change)
        return now + after

    @write.register
    def _(self, change: c.DropTable) -> list[str]:
        return [call("drop_table", change.table)]

    @write.register
    def _(self, change: c.RenameTable) -> list[str]:
        return [call("rename_table", change.old, change.table)]

    @write.register
    def _(self, change: c.CommentTable) -> list[str]:
        return [call("comment_table", change.table, change.new)]

    @write.register
    def _(self, change: c.AddColumn) -> list[str]:
        table = TableState(change.table, {change.column.name: change.column})
        definition = self._wording.column(table, change.column, key=False)
        options: dict[str, object] = {}
        needs = not change.column.nullable and change.column.default is None and change.column.generated is None
        if needs and not change.column.counting:
            value = self._fill(change.table, change.column.name)
            if not isinstance(value, Keep):
                options["fill"] = value
        made = [call("add_column", change.table, change.column.name, definition, **options)]
        made += self._comment(change.table, change.column)
        for index_name, text, vendors in self._wording.elsewhere(change.table, change.column.name):
            made.append(_create_index(index_name, change.table, text, vendors))
        return made

    @write.register
    def _(self, change: c.DropColumn) -> list[str]:
        return [call("drop_column", change.table, change.column.name)]

    @write.register
    def _(self, change: c.RemakeColumn) -> list[str]:
        return [
            *self.write(c.DropColumn(change.table, change.old)),
            *self.write(c.AddColumn(change.table, change.new)),
        ]

    @write.register
    def _(self, change: c.RenameColumn) -> list[str]:
        return [call("rename_column", change.table, change.old, change.new)]

    @write.register
    def _(self, change: c.AlterColumn) -> list[str]:
        made: list[str] = []
        changed = change.changed()
        options = self._alteration(change.table, change.old, change.new, changed)
        if options:
            made.append(call("alter_column", change.table, change.new.name, **options))
        if "comment" in changed:
            made.append(call("comment_column", change.table, change.new.name, change.new.comment))
        return made

    def _alteration(self, table: str, old: ColumnState, new: ColumnState, changed: set[str]) -> dict[str, object]:
        pieces = self._wording.pieces(table, new)
        options: dict[str, object] = {}
        if changed & {"type", "collation"}:
            options["type"] = pieces.type
            if old.type.endswith(" unsigned") or new.type.endswith(" unsigned"):
                options["was"] = old.type.upper()
        if "nullable" in changed:
            options["nullable"] = new.nullable
            if not new.nullable:
                value = self._fill(table, new.name)
                if value is not KEEP:
                    options["fill"] = value
        if "default" in changed:
            options["default"] = pieces.default
        if "counting" in changed:
            options["identity"] = new.counting
        return options

    @write.register
    def _(self, change: c.AddConstraint) -> list[str]:
        state = change.constraint
        if state.kind == "f":
            return self._add_foreign_key(change.table, state)
        definition = self._wording.constraint(change.table, state)
        if state.kind == "u" and definition == _plain(state):
            options = {"name": state.name} if state.name and not _is_made_up(state.name) else {}
            return [call("add_unique", change.table, list(state.columns), **options)]
        name = state.name or f"{change.table}_{'_'.join(state.columns)}_{'check' if state.kind == 'c' else 'key'}"
        return [call("add_constraint", change.table, name, definition)]

    @write.register
    def _(self, change: c.DropConstraint) -> list[str]:
        state = change.constraint
        if state.kind == "f":
            return [call("drop_foreign_key", change.table, list(state.columns))]
        if state.kind == "u" and (not state.name or self._wording.constraint(change.table, state) == _plain(state)):
            return [call("drop_unique", change.table, list(state.columns))]
        if not state.name:
            return [call("drop_check", change.table, state.definition)]
        return [
            call("drop_constraint", change.table, state.name, **_vendors(self._wording.vendors_of_constraint(state)))
        ]

    @write.register
    def _(self, change: c.RenameConstraint) -> list[str]:
        return [call("rename_constraint", change.table, change.old, change.new)]

    @write.register
    def _(self, change: c.AddIndex) -> list[str]:
        texts = self._wording.index(change.table, change.index)
        return [_create_index(change.index.name, change.table, text, vendors) for text, vendors in texts]

    @write.register
    def _(self, change: c.DropIndex) -> list[str]:
        vendors = _vendors(self._wording.vendors_of_index(change.index))
        return [call("drop_index", change.index.name, change.table, **vendors)]

    @write.register
    def _(self, change: c.RenameIndex) -> list[str]:
        return [call("rename_index", change.table, change.old, change.new)]

    def _add_foreign_key(self, table: str, state: ConstraintState) -> list[str]:
        key = self._wording.key(state)
        options: dict[str, object] = {}
        if key.on_delete:
            options["on_delete"] = key.on_delete
        if not key.is_deferred:
            options["deferred"] = False
        return [call("add_foreign_key", table, list(key.columns), key.table, list(key.others), **options)]


def _create_index(name: str, table: str, text: IndexText, vendors: Sequence[str] | None) -> str:
    options: dict[str, object] = {}
    if text.is_unique:
        options["unique"] = True
    if text.where:
        options["where"] = text.where
    if text.include:
        options["include"] = list(text.include)
    if text.using:
        options["using"] = text.using
    if text.options:
        options["options"] = text.options
    return call("create_index", name, table, list(text.items), **options, **_vendors(vendors))


def _vendors(vendors: Sequence[str] | None) -> dict[str, object]:
    return {} if vendors is None else {"vendors": list(vendors)}


def _named(names: Mapping[Vendor, str], definition: Definition) -> Definition:
    first = names["postgresql"]
    if isinstance(definition, str):
        if len(set(names.values())) == 1:
            return f'CONSTRAINT "{first}" {definition}'
        texts = {str(key): f'CONSTRAINT "{name}" {definition}' for key, name in names.items() if name != first}
        return {"default": f'CONSTRAINT "{first}" {definition}', **texts}
    return {key: f'CONSTRAINT "{names.get(key, first)}" {text}' for key, text in definition.items()}  # type: ignore[call-overload]


def _plain(state: ConstraintState) -> str:
    return "UNIQUE (" + ", ".join(f'"{column}"' for column in state.columns) + ")"


def _is_plain_unique(table: TableState, state: ConstraintState) -> bool:
    automatic = state.name in {None, f"{table.name}_{state.columns[0]}_key", state.columns[0]}
    return state.definition == f"UNIQUE ({state.columns[0]})" and automatic


def _is_made_up(name: str) -> bool:
    """Whether a name is the database's or Django's own choice, which another database may choose otherwise."""
    return name.endswith(("_key", "_uniq"))
