"""Guards: a value that does not fit its field fails where it is given, on a shape that is known already too.

Preparing each value twice would cost more than the rest of a chained call. So a guard remembers the types of which no
value fails where one did not: `filter(pk=7)` costs one set lookup, `filter(pk="7")` a second preparation.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from covet.database.orm.fields.text import CharField, TextField
from covet.database.orm.shape import EmptyResult, FullResult, Param

# The others have values of which one fits and another does not: "7" and "seven", 1.0 and NaN.
_ALIKE: Final = frozenset({int, bool, datetime.datetime, datetime.date, datetime.time, datetime.timedelta, uuid.UUID})
_TEXT: Final = (CharField.get_prep_value, TextField.get_prep_value)


class Guard:
    """One value of an operation.

    Attributes:
        position: the value's place among those of its operation.
        trusted: types of which a value was checked already.
    """

    __slots__ = ("position", "slot", "trusted")

    def __init__(self, position: int, slot: Param) -> None:
        self.position = position
        self.slot = slot
        self.trusted: set[type] = set()

    def check(self, value: Any) -> None:
        """Prepare the value, as the query will.

        Raises:
            ValueError, TypeError: the field cannot take it.
        """
        with suppress(EmptyResult, FullResult):
            self.slot.bind(value)
        if type(value) in _ALIKE:
            self.trusted.add(type(value))


class ListGuard(Guard):
    """A list of values: as a rule they are alike, so the first one speaks for them."""

    __slots__ = ()

    def check(self, value: Any) -> None:
        """Prepare the list, unless its first item is of a type that was checked already."""
        first = type(next(iter(value), None))
        if first not in self.trusted:
            with suppress(EmptyResult, FullResult):
                self.slot.bind(value)
            if first in _ALIKE:
                self.trusted.add(first)


def guards_of(query: Any, start: int, values: Sequence[Any]) -> tuple[Guard, ...]:
    """The guards of the operation whose values start at `start`: one for each value that is compared with a column."""
    guards: dict[int, Guard] = {}
    for leaf in query.where.leaves():
        slot = getattr(leaf, "rhs", None)
        if isinstance(slot, Param) and slot.preps and 0 <= slot.index - start < len(values) and _may_refuse(leaf):
            position = slot.index - start
            guards[id(leaf)] = (ListGuard if slot.is_list else Guard)(position, slot)
    return tuple(guards.values())


def _may_refuse(leaf: Any) -> bool:
    """Whether there are values that do not fit: everything is a text."""
    field = getattr(getattr(leaf, "lhs", None), "output_field", None)
    return getattr(type(field), "get_prep_value", None) not in _TEXT
