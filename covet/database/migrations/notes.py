"""What people read about a change: `Add field: User.phone_number`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import singledispatchmethod

from covet.database.migrations import changes as c
from covet.database.migrations.states.base import ColumnState, ConstraintState, IndexState
from covet.database.migrations.wanted.schema import WantedSchema

_MODIFY = "Modify field:"
_KINDS = {"u": "unique constraint", "c": "check constraint", "f": "foreign key", "p": "primary key", "x": "exclusion"}


class Notes:
    """Describes the changes of one comparison.

    Args:
        wanted: the models' tables.
    """

    def __init__(self, wanted: WantedSchema) -> None:
        self._wanted = wanted

    def lines(self, changes: Iterable[c.Change]) -> list[str]:
        """One line for each model, field, index or constraint, in order."""
        found: dict[str, list[str]] = {}
        aside: dict[str, list[str]] = {}
        for change in changes:
            head, detail = self.describe(change)
            # The index that Django puts beside a unique or indexed text column is no news of its own.
            is_beside = isinstance(change, c.AddIndex | c.DropIndex) and change.index.name.endswith("_like")
            details = (aside if is_beside else found).setdefault(head, [])
            if detail and detail not in details:
                details.append(detail)
        for head in [head for head in found if head.startswith(_MODIFY)]:
            # A new field brings its constraints and indexes; an old one takes them along.
            if {head.replace(_MODIFY, "Add field:"), head.replace(_MODIFY, "Remove field:")} & set(found):
                del found[head]
        shown = found or aside
        return [f"{head} ({', '.join(details)})" if details else head for head, details in shown.items()]

    @singledispatchmethod
    def describe(self, change: c.Change) -> tuple[str, str]:
        """What it is about, and in which way."""
        raise TypeError(f"A change of an unknown kind: {change!r}")

    def model(self, table: str) -> str:
        """The model of a table; the table's own name where it has none."""
        known = self._wanted.tables.get(table)
        return known.label if known is not None else table

    def field(self, table: str, column: str) -> str:
        """The field of a column."""
        known = self._wanted.tables.get(table)
        name = known.fields.get(column, column) if known is not None else column
        return f"{self.model(table)}.{name}"

    @describe.register
    def _(self, change: c.CreateTable) -> tuple[str, str]:
        return f"Create model: {self.model(change.table)}", ""

    @describe.register
    def _(self, change: c.DropTable) -> tuple[str, str]:
        return f"Delete model: {change.table}", ""

    @describe.register
    def _(self, change: c.RenameTable) -> tuple[str, str]:
        return f"Rename model: {change.old} to {change.table}", ""

    @describe.register
    def _(self, change: c.CommentTable) -> tuple[str, str]:
        return f"Modify model: {self.model(change.table)}", "changed comment"

    @describe.register
    def _(self, change: c.AddColumn) -> tuple[str, str]:
        return f"Add field: {self.field(change.table, change.column.name)}", ""

    @describe.register
    def _(self, change: c.DropColumn) -> tuple[str, str]:
        return f"Remove field: {self.field(change.table, change.column.name)}", ""

    @describe.register
    def _(self, change: c.RenameColumn) -> tuple[str, str]:
        return f"Rename field: {self.model(change.table)}.{change.old} to {change.new}", ""

    @describe.register
    def _(self, change: c.RemakeColumn) -> tuple[str, str]:
        return f"Modify field: {self.field(change.table, change.new.name)}", "changed expression"

    @describe.register
    def _(self, change: c.AlterColumn) -> tuple[str, str]:
        head = f"Modify field: {self.field(change.table, change.new.name)}"
        return head, ", ".join(_alterations(change.old, change.new))

    @describe.register
    def _(self, change: c.AddConstraint) -> tuple[str, str]:
        return self._constraint(change.table, change.constraint, "added", "Add")

    @describe.register
    def _(self, change: c.DropConstraint) -> tuple[str, str]:
        return self._constraint(change.table, change.constraint, "removed", "Remove")

    @describe.register
    def _(self, change: c.RenameConstraint) -> tuple[str, str]:
        return f"Rename constraint: {self.model(change.table)}.{change.old} to {change.new}", ""

    @describe.register
    def _(self, change: c.AddIndex) -> tuple[str, str]:
        return self._index(change.table, change.index, "added", "Add")

    @describe.register
    def _(self, change: c.DropIndex) -> tuple[str, str]:
        return self._index(change.table, change.index, "removed", "Remove")

    @describe.register
    def _(self, change: c.RenameIndex) -> tuple[str, str]:
        return f"Rename index: {self.model(change.table)}.{change.old} to {change.new}", ""

    def _index(self, table: str, index: IndexState, past: str, verb: str) -> tuple[str, str]:
        known = self._wanted.tables.get(table)
        column = index.columns[0].split()[0].strip('"`')
        is_field = known is not None and column in known.fields and index.name not in known.named
        if len(index.columns) == 1 and is_field:
            return f"Modify field: {self.field(table, column)}", f"{past} index"
        return f"{verb} index: {self.model(table)}.{index.name}", ""

    def _constraint(self, table: str, state: ConstraintState, past: str, verb: str) -> tuple[str, str]:
        known = self._wanted.tables.get(table)
        is_named = known is not None and state.name in known.named
        if len(state.columns) == 1 and state.kind != "x" and not is_named and state.kind != "c":
            return f"Modify field: {self.field(table, state.columns[0])}", f"{past} {_KINDS[state.kind]}"
        name = state.name or ", ".join(state.columns)
        return f"{verb} constraint: {self.model(table)}.{name}", ""


def _alterations(old: ColumnState, new: ColumnState) -> list[str]:
    made: list[str] = []
    if old.type != new.type:
        made.append(f"changed type from {old.type} to {new.type}")
    if old.nullable != new.nullable:
        made.append("removed NOT NULL" if new.nullable else "added NOT NULL")
    if old.default != new.default:
        made.append("removed default" if new.default is None else f"changed default to {new.default}")
    if old.counting != new.counting:
        made.append("counts up" if new.counting else "no longer counts up")
    if old.collation != new.collation:
        made.append(f"changed collation to {new.collation or 'the default'}")
    if old.comment != new.comment:
        made.append("changed comment")
    return made
