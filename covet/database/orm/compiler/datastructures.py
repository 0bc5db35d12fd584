"""The parts a query is built from: tables, joins, and what resolving a name leads to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

INNER = "INNER JOIN"
LOUTER = "LEFT OUTER JOIN"
AND, OR, XOR = "AND", "OR", "XOR"
LOOKUP_SEP = "__"


class MultiJoin(Exception):
    """A path crosses a multi-valued relation where that is not allowed (inside `exclude`).

    Attributes:
        level: how many names of the path were resolved.
        names_with_path: (name, [PathInfo]) pairs of those names.
    """

    def __init__(self, level: int, names_with_path: list[tuple[str, list[Any]]]) -> None:
        super().__init__(level)
        self.level = level
        self.names_with_path = names_with_path


@dataclass(slots=True)
class BaseTable:
    """The table a query starts from."""

    table_name: str
    table_alias: str
    join_type: None = None
    parent_alias: None = None
    filtered_relation: None = None
    nullable: bool = False


@dataclass(slots=True)
class Join:
    """One joined table.

    Attributes:
        parent_alias: the alias it hangs on.
        join_field: the relation that says which columns meet.
        nullable: whether the relation may be absent, so that the join can become an outer one.
        filtered_relation: the `FilteredRelation` whose condition belongs to the ON clause.
        multiple: whether one row may meet several.
    """

    table_name: str
    parent_alias: str
    table_alias: str
    join_type: str
    join_field: Any
    nullable: bool
    filtered_relation: Any = None
    on_condition: Any = field(default=None, compare=False)
    multiple: bool = False

    def same_as(self, other: BaseTable | Join) -> bool:
        """Whether `other` joins the same table the same way (aliases apart)."""
        return (
            isinstance(other, Join)
            and self.table_name == other.table_name
            and self.parent_alias == other.parent_alias
            and (
                self.join_field is other.join_field
                or (
                    self.join_field.get_joining_fields() == other.join_field.get_joining_fields()
                    and _restriction_key(self.join_field) == _restriction_key(other.join_field)
                )
            )
            and self.filtered_relation is other.filtered_relation
        )


def _restriction_key(join_field: Any) -> object:
    """Joins with an extra restriction (generic relations) are the same only if the field is."""
    restricted = join_field.get_extra_restriction(None, None) if _is_restricted(join_field) else None
    return None if restricted is None else id(join_field)


def _is_restricted(join_field: Any) -> bool:
    return bool(getattr(join_field, "has_extra_restriction", False))


@dataclass(slots=True)
class JoinInfo:
    """Where `setup_joins` arrived: the final field, its targets, and the aliases on the way."""

    final_field: Any
    targets: tuple[Any, ...]
    opts: Any
    joins: list[str]
    path: list[Any]
    transform: Any
