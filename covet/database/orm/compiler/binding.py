"""From a query's values to a statement's arguments: the part of a plan that runs on every call."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from covet.database.orm import types
from covet.database.orm.compiler.bounds import holdable, text_or_nothing
from covet.database.orm.compiler.elements import LIST_MARK
from covet.database.orm.lookups.comparison import WithinRange
from covet.database.orm.shape import Ambient, Const, EmptyResult, FullResult, Param, kept_type

Convert = Callable[[Any], Any]


class Binder:
    """Makes the driver's arguments.

    Args:
        sources: for each argument either (index, function or None) of a value, or (None, constant).
        sql: the statement (lists may have to be spelled out in it, on MySQL).
        expanded: positions of arguments that become as many as their list is long.
    """

    __slots__ = ("bind", "expanded", "sources", "sql")

    def __init__(self, sources: list[tuple[int | None, Any]], sql: str, expanded: frozenset[int]) -> None:
        self.sources = sources
        self.sql = sql
        self.expanded = expanded
        self.bind: Callable[[Sequence[Any]], Sequence[Any]] = _compiled(sources)

    def statement(self, values: Sequence[Any]) -> tuple[str, Sequence[Any]]:
        """(SQL, arguments) for these values.

        Raises:
            EmptyResult, FullResult: a value can match nothing, everything; see `marks`.
        """
        args = self.bind(values)
        return self._expand(args) if self.expanded else (self.sql, args)

    def marks(self, values: Sequence[Any]) -> dict[int, str]:
        """The slots whose value matches nothing or everything."""
        found: dict[int, str] = {}
        for index, convert in self.sources:
            if index is None or index < 0 or convert is None:
                continue
            try:
                convert(values[index])
            except EmptyResult:
                found[index] = "empty"
            except FullResult:
                found[index] = "full"
        return found

    def _expand(self, args: Sequence[Any]) -> tuple[str, Sequence[Any]]:
        sql = self.sql
        flat: list[Any] = []
        for position, argument in enumerate(args):
            if position not in self.expanded:
                flat.append(argument)
                continue
            marks = ", ".join(["%s"] * len(argument)) or "NULL"
            sql = sql.replace(f"{LIST_MARK}%s", marks, 1)
            flat.extend(argument)
        return sql, flat


def binder_of(compiled: Any, slots: dict[str, Any], dialect: Any) -> Binder:
    """The binder of a compiled statement."""
    sources: list[tuple[int | None, Any]] = []
    expanded: set[int] = set()
    for position, name in enumerate(compiled.positiontup or ()):
        binding = slots.get(name)
        if binding is None:
            bind = compiled.binds[name]
            processor = bind.type.dialect_impl(dialect).bind_processor(dialect)
            value = bind.effective_value
            sources.append((None, processor(value) if processor is not None else value))
            continue
        convert = _conversion(binding, dialect)
        slot = binding.slot
        if isinstance(slot, Const):
            sources.append((None, convert(slot.value) if convert is not None else slot.value))
        else:
            sources.append((slot.index, convert))
        if binding.kind == "expanded":
            expanded.add(position)
    return Binder(sources, compiled.string, frozenset(expanded))


def _conversion(binding: Any, dialect: Any) -> Convert | None:
    """The slot's preparations, then the type's processor."""
    type_ = binding.type
    processor = None
    if type_ is not None:
        processor = type_.dialect_impl(dialect).bind_processor(dialect) if hasattr(type_, "dialect_impl") else None
        if hasattr(type_, "bind_processor") and hasattr(type_, "binder"):
            processor = type_.bind_processor(dialect)
    steps: list[Convert] = []
    if isinstance(binding.slot, Ambient):
        # Its value comes from the context, not from the query's values.
        steps.append(binding.slot.bind)
    elif isinstance(binding.slot, Param):
        steps.extend(binding.slot.preps)
    if binding.kind != "one":
        fits = holdable(type_)
        if fits is not None:
            steps.append(_only(fits))
        if processor is not None:
            steps.append(_each(processor))
        elif binding.kind != "expanded":
            steps.append(list)
        if binding.kind == "json":
            steps.append(_json_list)
    else:
        if isinstance(type_, (types.Char, types.Text)):
            steps.append(text_or_nothing)
        if processor is not None:
            steps.append(processor)
    if not steps:
        return None
    convert = steps[0] if len(steps) == 1 else _chained(tuple(steps))
    return _for_integers(convert, steps) or convert


class ForIntegers:
    """A conversion that gives back every `int` from `low` to `high` as it is: it is not even called for one."""

    __slots__ = ("convert", "high", "low")

    def __init__(self, convert: Convert, low: int, high: int) -> None:
        self.convert = convert
        self.low = low
        self.high = high

    def __call__(self, value: Any) -> Any:
        return self.convert(value)


def _for_integers(convert: Convert, steps: Sequence[Convert]) -> ForIntegers | None:
    """`convert`, which consists of `steps`, where none of them changes an integer; else None."""
    ranges = [step for step in steps if isinstance(step, WithinRange)]
    if not ranges or any(step not in ranges and kept_type(step) is not int for step in steps):
        return None
    return ForIntegers(convert, max(each.low for each in ranges), min(each.high for each in ranges))


def _only(fits: Callable[[Any], list[Any]]) -> Convert:
    """The items that the column can hold: the others equal nothing in it."""

    def narrow(values: Any) -> Any:
        kept = fits(values)
        if not kept:
            raise EmptyResult
        return kept

    return narrow


def _each(processor: Convert) -> Convert:
    return lambda values: [processor(value) for value in values]


def _json_list(values: Any) -> str:
    return json.dumps([_json_item(value) for value in values])


def _json_item(value: Any) -> Any:
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return str(value)


def _chained(steps: tuple[Convert, ...]) -> Convert:
    if len(steps) == 2:
        first, second = steps
        return lambda value: second(first(value))

    def convert(value: Any) -> Any:
        for step in steps:
            value = step(value)
        return value

    return convert


def _compiled(sources: list[tuple[int | None, Any]]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """One function that makes the whole argument tuple, without a loop."""
    if [index for index, _ in sources] == list(range(len(sources))) and all(convert is None for _, convert in sources):
        # Values that no argument comes from (their condition matches everything) may follow.
        count = len(sources)
        return lambda values: values[:count]
    names: dict[str, Any] = {}
    parts: list[str] = []
    for position, (index, convert) in enumerate(sources):
        if index is None:
            names[f"c{position}"] = convert
            parts.append(f"c{position}")
        elif index < 0:
            names[f"f{position}"] = convert
            parts.append(f"f{position}(None)")
        elif convert is None:
            parts.append(f"values[{index}]")
        elif isinstance(convert, ForIntegers):
            names[f"f{position}"] = convert.convert
            held = f"type(v := values[{index}]) is int and {convert.low} <= v <= {convert.high}"
            parts.append(f"v if {held} else f{position}(v)")
        else:
            names[f"f{position}"] = convert
            parts.append(f"f{position}(values[{index}])")
    text = f"lambda values: ({', '.join(parts)}{',' if parts else ''})"
    return eval(text, names)  # type: ignore[no-any-return]  # noqa: S307 - the text is made of positions only
