"""What a table is, as values that compare: columns, constraints and indexes in the database's own words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

ConstraintKind = Literal["p", "u", "c", "f", "x"]
"""Primary key, unique, check, foreign key, exclusion: PostgreSQL's letters."""


@dataclass(frozen=True)
class ColumnState:
    """One column.

    Attributes:
        name: its name.
        type: the database's canonical text, with `unsigned` or `jsonb` where a CHECK says so.
        nullable: whether NULL may be stored.
        default: the default's canonical expression.
        counting: whether the database counts it up (identity, serial, AUTOINCREMENT).
        generated: the expression that computes it.
        collation: when it is not the type's own.
        comment: its comment.
    """

    name: str
    type: str
    nullable: bool = True
    default: str | None = None
    counting: bool = False
    generated: str | None = None
    collation: str | None = None
    comment: str | None = None


@dataclass(frozen=True)
class ConstraintState:
    """One constraint; `definition` is its canonical text without its name."""

    kind: ConstraintKind
    name: str | None
    columns: tuple[str, ...]
    definition: str
    is_valid: bool = True


@dataclass(frozen=True)
class IndexState:
    """One index that no constraint owns; `definition` is its canonical text without its name and table."""

    name: str
    columns: tuple[str, ...]
    is_unique: bool
    definition: str
    is_valid: bool = True


@dataclass
class TableState:
    """One table."""

    name: str
    columns: dict[str, ColumnState] = field(default_factory=dict)
    constraints: list[ConstraintState] = field(default_factory=list)
    indexes: list[IndexState] = field(default_factory=list)
    comment: str | None = None

    def of_kind(self, kind: ConstraintKind) -> list[ConstraintState]:
        """The constraints of a kind."""
        return [each for each in self.constraints if each.kind == kind]

    @property
    def primary_key(self) -> tuple[str, ...]:
        """The columns of the primary key."""
        return next((each.columns for each in self.of_kind("p")), ())


SchemaState = dict[str, TableState]
"""Table name to table."""
