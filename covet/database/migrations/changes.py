"""Changes: what separates a live schema from the models, each with its way back; the comparison makes them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from covet.database.migrations.states.base import ColumnState, ConstraintState, IndexState, TableState


@dataclass(frozen=True)
class Change(ABC):
    """One step between two schemas.

    Attributes:
        table: the table's name once the change is made.
        rank: when it is made, among the changes of one migration.
    """

    table: str
    rank: ClassVar[int] = 50

    @abstractmethod
    def reversed(self) -> Change:
        """The way back."""


@dataclass(frozen=True)
class CreateTable(Change):
    """A table that the models have and the database lacks."""

    state: TableState
    rank: ClassVar[int] = 30

    def reversed(self) -> Change:
        return DropTable(self.table, self.state)


@dataclass(frozen=True)
class DropTable(Change):
    """A table that the database has and the models have lost."""

    state: TableState
    rank: ClassVar[int] = 95

    def reversed(self) -> Change:
        return CreateTable(self.table, self.state)


@dataclass(frozen=True)
class RenameTable(Change):
    """A table under a new name."""

    old: str
    rank: ClassVar[int] = 5

    def reversed(self) -> Change:
        return RenameTable(self.old, self.table)


@dataclass(frozen=True)
class CommentTable(Change):
    """Another comment on a table."""

    old: str | None
    new: str | None
    rank: ClassVar[int] = 85

    def reversed(self) -> Change:
        return CommentTable(self.table, self.new, self.old)


@dataclass(frozen=True)
class AddColumn(Change):
    """A column that the models have and the database lacks."""

    column: ColumnState
    rank: ClassVar[int] = 40

    def reversed(self) -> Change:
        return DropColumn(self.table, self.column)


@dataclass(frozen=True)
class DropColumn(Change):
    """A column that the database has and the models have lost."""

    column: ColumnState
    rank: ClassVar[int] = 80

    def reversed(self) -> Change:
        return AddColumn(self.table, self.column)


@dataclass(frozen=True)
class RenameColumn(Change):
    """A column under a new name."""

    old: str
    new: str
    rank: ClassVar[int] = 10

    def reversed(self) -> Change:
        return RenameColumn(self.table, self.new, self.old)


@dataclass(frozen=True)
class AlterColumn(Change):
    """A column that differs."""

    old: ColumnState
    new: ColumnState
    rank: ClassVar[int] = 50

    def reversed(self) -> Change:
        return AlterColumn(self.table, self.new, self.old)

    def changed(self) -> set[str]:
        """The properties that differ."""
        return {name for name in vars(self.old) if getattr(self.old, name) != getattr(self.new, name)}


@dataclass(frozen=True)
class RemakeColumn(Change):
    """A column that the database computes in another way: it is dropped and made anew."""

    old: ColumnState
    new: ColumnState
    rank: ClassVar[int] = 50

    def reversed(self) -> Change:
        return RemakeColumn(self.table, self.new, self.old)


@dataclass(frozen=True)
class AddConstraint(Change):
    """A constraint that the models have and the database lacks."""

    constraint: ConstraintState

    @property
    def rank(self) -> int:  # type: ignore[override] # a foreign key waits for the unique key that it points to
        return {"p": 55, "u": 60, "f": 75}.get(self.constraint.kind, 70)

    def reversed(self) -> Change:
        return DropConstraint(self.table, self.constraint)


@dataclass(frozen=True)
class DropConstraint(Change):
    """A constraint that the database has and the models have lost."""

    constraint: ConstraintState

    @property
    def rank(self) -> int:  # type: ignore[override] # before what it would hold up
        return {"f": 15, "u": 25, "p": 28}.get(self.constraint.kind, 20)

    def reversed(self) -> Change:
        return AddConstraint(self.table, self.constraint)


@dataclass(frozen=True)
class RenameConstraint(Change):
    """A constraint under a new name."""

    old: str
    new: str
    rank: ClassVar[int] = 12

    def reversed(self) -> Change:
        return RenameConstraint(self.table, self.new, self.old)


@dataclass(frozen=True)
class AddIndex(Change):
    """An index that the models have and the database lacks."""

    index: IndexState
    rank: ClassVar[int] = 65

    def reversed(self) -> Change:
        return DropIndex(self.table, self.index)


@dataclass(frozen=True)
class DropIndex(Change):
    """An index that the database has and the models have lost."""

    index: IndexState
    rank: ClassVar[int] = 22

    def reversed(self) -> Change:
        return AddIndex(self.table, self.index)


@dataclass(frozen=True)
class RenameIndex(Change):
    """An index under a new name."""

    old: str
    new: str
    rank: ClassVar[int] = 11

    def reversed(self) -> Change:
        return RenameIndex(self.table, self.new, self.old)


def in_order(changes: list[Change]) -> list[Change]:
    """The changes in the order in which they can be made."""
    return sorted(changes, key=lambda change: change.rank)


def way_back(changes: list[Change]) -> list[Change]:
    """The reverse of changes that are in order."""
    return [change.reversed() for change in reversed(changes)]
