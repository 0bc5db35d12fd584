"""Shapes: the structural key of a query apart from its values.

Every QuerySet method and every expression calls it; it never touches a database, a field or SQL.

A query is split into a *key* (hashable; equal keys share one compiled plan) and a flat list of
*values* ("slots"). `shape_of` makes the key and collects the values on every call; `freeze` makes,
once per key, a copy of the same structure in which the values are `Param` objects, so that a plan
never keeps a caller's data alive. Both walk a value in the same order: the n-th value collected is
the n-th `Param` made.
"""

from __future__ import annotations

import datetime
import decimal
import functools
import uuid
from collections.abc import Callable, Hashable, Iterable
from typing import Any, Final, Protocol, runtime_checkable

PLAIN: Final = frozenset(
    {
        str,
        int,
        float,
        decimal.Decimal,
        datetime.datetime,
        datetime.date,
        datetime.time,
        datetime.timedelta,
        uuid.UUID,
        bytes,
        bytearray,
        memoryview,
        dict,
    }
)
LISTS: Final[tuple[type[Any], ...]] = (list, tuple, set, frozenset, range, type({}.keys()), type({}.values()))

SLOT: Final = "?"
NONE: Final = "N"
TRUE: Final = "T"
FALSE: Final = "F"
LIST: Final = "L"
EMPTY_LIST: Final = "L0"


class Unplannable(Exception):
    """The structure has a part without a hashable key; compile it anew each time."""


class EmptyResult(Exception):
    """A bound value can match no row (an integer out of the column's range, an empty list)."""


class FullResult(Exception):
    """A bound value matches every row."""


@runtime_checkable
class Shaped(Protocol):
    """What knows its own structure: expressions, Q, QuerySets, model instances."""

    def _shape(self, out: list[Any]) -> Hashable: ...

    def _freeze(self, out: list[Any]) -> Any: ...


Prep = Callable[[Any], Any]


UNCHANGED: Final[dict[Any, type]] = {}
"""Preparations that give a value of exactly this type back as it is; the fields that have them enter them."""


def kept_type(function: Prep) -> type | None:
    """The type whose values `function` gives back as they are; None where there is no such type."""
    return getattr(function, "keeps", None) or UNCHANGED.get(getattr(function, "__func__", function))


def over_each(function: Prep) -> Prep:
    """`function` for every item of a list; a list that it would not change costs one look at its types."""
    kept = kept_type(function)
    if kept is None:
        return lambda value: [function(item) for item in value]
    only = {kept}
    return lambda value: (
        value if type(value) is list and set(map(type, value)) == only else [function(item) for item in value]
    )


class Param:
    """The place of a value that is known only when the plan runs.

    Attributes:
        index: position in the query's value tuple (relative to the op until localized).
        preps: functions applied in order to the value at bind time; any may raise
            `EmptyResult` or `FullResult`.
    """

    __slots__ = ("absolute", "index", "preps")
    is_list = False

    def __init__(self, index: int, preps: tuple[Prep, ...] = (), *, absolute: bool = False) -> None:
        self.index = index
        self.preps = preps
        self.absolute = absolute

    def prep(self, function: Prep) -> Param:
        """The same slot whose value goes through `function` too."""
        return type(self)(self.index, (*self.preps, function), absolute=self.absolute)

    def localized(self, base: int) -> Param:
        """The same slot counted from the start of the outermost query's values; done once."""
        return self if self.absolute else type(self)(self.index + base, self.preps, absolute=True)

    def bind(self, value: Any) -> Any:
        """The driver-independent value that the slot's raw `value` stands for."""
        for function in self.preps:
            value = function(value)
        return value

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.index})"

    def _inspect(self, *_: object) -> Any:
        """Somebody's expression looks at the value: the query is compiled for just these values then.

        Raises:
            Unplannable: always.
        """
        raise Unplannable

    __lt__ = __le__ = __gt__ = __ge__ = __int__ = __float__ = __neg__ = __abs__ = _inspect
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __mod__ = _inspect


class ListParam(Param):
    """A slot that holds a list; `item` and `each` reach into it."""

    __slots__ = ()
    is_list = True

    def item(self, position: int) -> Param:
        """The slot's element at `position` (as `range` lookups need)."""
        return Param(self.index, (*self.preps, functools.partial(_item, position=position)), absolute=self.absolute)

    def each(self, function: Prep) -> ListParam:
        """The same list with `function` applied to every element."""
        return ListParam(self.index, (*self.preps, over_each(function)), absolute=self.absolute)

    def whole(self) -> Param:
        """The list as one value (an array or JSON column compares with it)."""
        return Param(self.index, self.preps, absolute=self.absolute)


def _item(value: Any, *, position: int) -> Any:
    items = list(value)
    if position >= len(items):
        raise ValueError(f"Expected at least {position + 1} values, got {value!r}.")
    return items[position]


class Const:
    """A value that is part of the shape: None, a boolean, or a structural constant."""

    __slots__ = ("value",)
    is_list = False

    def __init__(self, value: Any) -> None:
        self.value = value

    def prep(self, function: Prep) -> Const:
        """A constant of the prepared value."""
        return Const(function(self.value))

    def localized(self, base: int) -> Const:
        """Itself: a constant has no slot."""
        return self

    def __repr__(self) -> str:
        return f"Const({self.value!r})"


def is_slot(value: object) -> bool:
    """Whether `value` is a frozen leaf: a `Param` or a `Const`."""
    return isinstance(value, (Param, Const))


def shape_of(value: Any, out: list[Any]) -> Hashable:
    """The structural key of `value`; appends its plain values to `out`."""
    kind = type(value)
    if kind in PLAIN:
        out.append(value)
        return SLOT
    if value is None:
        return NONE
    if kind is bool:
        return TRUE if value else FALSE
    shape = getattr(value, "_shape", None)
    if shape is not None and not isinstance(value, type):
        return shape(out)  # type: ignore[no-any-return]
    if isinstance(value, LISTS):
        if not value:
            return EMPTY_LIST
        kinds = {*map(type, value)}
        if not kinds <= PLAIN:
            if any(_is_expression(item) for item in value):
                return ("LX", tuple(shape_of(item, out) for item in value))
            # A list of instances of another model is another shape: whether it fits is checked once for each.
            models = frozenset(kind for kind in kinds if hasattr(kind, "_meta"))
            if models:
                out.append(value)
                return (LIST, models)
        out.append(value)
        return LIST
    out.append(value)
    return SLOT


def freeze(value: Any, out: list[Any]) -> Any:
    """`value` with its plain values replaced by `Param`s; `out` collects as in `shape_of`."""
    kind = type(value)
    if kind in PLAIN:
        return _slot(value, out)
    if value is None or kind is bool:
        return Const(value)
    frozen = getattr(value, "_freeze", None)
    if frozen is not None and not isinstance(value, type):
        return frozen(out)
    if isinstance(value, LISTS):
        if not value:
            return Const([])
        if any(_is_expression(item) for item in value):
            return [freeze(item, out) for item in value]
        out.append(value)
        return ListParam(len(out) - 1)
    return _slot(value, out)


def structure_of(value: Any, out: list[Any]) -> Hashable:
    """The key of an expression's attribute: constants are part of the structure.

    Raises:
        Unplannable: for what cannot be hashed.
    """
    shape = getattr(value, "_shape", None)
    if shape is not None and not isinstance(value, type):
        return shape(out)  # type: ignore[no-any-return]
    if isinstance(value, (list, tuple)):
        return (type(value), tuple(structure_of(item, out) for item in value))
    if isinstance(value, dict):
        return (dict, tuple((key, structure_of(item, out)) for key, item in value.items()))
    if isinstance(value, (set, frozenset)):
        return frozenset(structure_of(item, out) for item in value)
    try:
        hash(value)
    except TypeError as error:
        raise Unplannable from error
    return (type(value), value)


def freeze_structure(value: Any, out: list[Any]) -> Any:
    """The copy that belongs to `structure_of`."""
    frozen = getattr(value, "_freeze", None)
    if frozen is not None and not isinstance(value, type):
        return frozen(out)
    if isinstance(value, (list, tuple)):
        items: Iterable[Any] = [freeze_structure(item, out) for item in value]
        return items if isinstance(value, list) else tuple(items)
    if isinstance(value, dict):
        return {key: freeze_structure(item, out) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return type(value)(freeze_structure(item, out) for item in value)
    return value


def _slot(value: Any, out: list[Any]) -> Param:
    out.append(value)
    return Param(len(out) - 1)


def _is_expression(value: Any) -> bool:
    return hasattr(value, "resolve_expression") and not isinstance(value, type)


class Ambient(Param):
    """A value that the context says when the plan runs, such as the current time zone; it has no slot."""

    __slots__ = ("read",)

    def __init__(self, read: Callable[[], Any], preps: tuple[Prep, ...] = ()) -> None:
        super().__init__(-1, preps, absolute=True)
        self.read = read

    def prep(self, function: Prep) -> Ambient:
        """The same value, through `function` too."""
        return Ambient(self.read, (*self.preps, function))

    def localized(self, base: int) -> Ambient:
        """Itself: it has no slot."""
        return self

    def bind(self, value: Any) -> Any:
        """What the context says now."""
        return super().bind(self.read())
