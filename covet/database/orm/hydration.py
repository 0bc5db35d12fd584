"""Hydration: database rows become instances, values and tuples. Runs once a row; knows no SQL.

`_speedups` holds the compiled twin of the inner loops.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

from covet.database.orm.peers import Peers
from covet.database.orm.signals import post_init, pre_init
from covet.database.orm.state import ModelState

Converter = Callable[[Any], Any]
Row = Sequence[Any]


class Layout:
    """Where one model's attributes stand in a row.

    Args:
        model: the model class. names: attribute names of consecutive columns from `start`.
        key: index of the primary key column. related: layouts of joined models.
        forward, backward: cache names of the relation on the parent instance and on this one.
        setter: `(parent, child)` for relations without a cache name.
        extras: (name, index) of annotations, set on the instance.
    """

    __slots__ = ("backward", "extras", "forward", "key", "model", "names", "related", "setter", "start")

    def __init__(
        self,
        model: Any,
        names: tuple[str, ...],
        start: int,
        key: int,
        *,
        related: tuple[Layout, ...] = (),
        forward: str | None = None,
        backward: str | None = None,
        setter: Callable[[Any, Any], None] | None = None,
        extras: tuple[tuple[str, int], ...] = (),
    ) -> None:
        self.model = model
        self.names = names
        self.start = start
        self.key = key
        self.related = related
        self.forward = forward
        self.backward = backward
        self.setter = setter
        self.extras = extras


def is_direct(model: Any) -> bool:
    """Whether instances may be made without calling `from_db` and `__init__`."""
    return (
        bool(model._direct_hydration)
        and not pre_init.has_listeners(model)
        and not post_init.has_listeners(model)
    )


def converted(rows: Iterable[Row], converters: tuple[tuple[int, Converter], ...]) -> list[Row]:
    """The rows with the converters applied to their columns."""
    result: list[Row] = []
    for row in rows:
        values = list(row)
        for index, convert in converters:
            values[index] = convert(values[index])
        result.append(values)
    return result


def hydrate(layout: Layout, rows: Sequence[Row], db: str) -> list[Any]:
    """Instances of the rows, with joined instances attached; they are each other's peers."""
    make = _maker(layout, db)
    instances = [make(row) for row in rows]
    if len(instances) > 1:
        _group(instances)
    groups: dict[int, list[Any]] = {}
    for related in layout.related:
        _attach(related, instances, rows, db, groups)
    for name, index in layout.extras:
        for instance, row in zip(instances, rows, strict=True):
            setattr(instance, name, row[index])
    return instances


def _group(instances: list[Any]) -> None:
    peers = Peers(instances)
    for instance in instances:
        instance._state.peers = peers


def _maker(layout: Layout, db: str) -> Callable[[Row], Any]:
    model, names, start = layout.model, layout.names, layout.start
    stop = start + len(names)
    if is_direct(model):
        new = model.__new__

        def make(row: Row) -> Any:
            instance = new(model)
            state = instance.__dict__
            state["_state"] = ModelState(db, adding=False)
            for index, name in enumerate(names, start):
                state[name] = row[index]
            return instance

        return make
    name_list = list(names)

    def make_through_init(row: Row) -> Any:
        return model.from_db(db, name_list, [row[index] for index in range(start, stop)])

    return make_through_init


def _attach(layout: Layout, parents: list[Any], rows: Sequence[Row], db: str, groups: dict[int, list[Any]]) -> None:
    make = _maker(layout, db)
    key, forward, backward, setter = layout.key, layout.forward, layout.backward, layout.setter
    children: list[Any] = []
    child_rows: list[Row] = []
    for parent, row in zip(parents, rows, strict=True):
        child = None
        if parent is not None and row[key] is not None:
            child = make(row)
            if backward is not None:
                child._state.fields_cache[backward] = parent
        children.append(child)
        child_rows.append(row)
        if parent is None:
            continue
        if forward is not None:
            parent._state.fields_cache[forward] = child
        elif setter is not None:
            setter(parent, child)
    living = [child for child in children if child is not None]
    if len(living) > 1:
        _group(living)
    for related in layout.related:
        _attach(related, children, child_rows, db, groups)


@lru_cache(maxsize=512)
def row_class(names: tuple[str, ...]) -> Any:
    """The named tuple class of `values_list(named=True)`."""
    made = namedtuple("Row", names)  # type: ignore[misc]  # noqa: PYI024 - the fields are known only now
    made.__reduce__ = _reduce_row  # type: ignore[method-assign, assignment]
    return made


def _reduce_row(row: Any) -> tuple[Any, ...]:
    return _restored_row, (row._fields, tuple(row))


def _restored_row(names: tuple[str, ...], values: tuple[Any, ...]) -> Any:
    return row_class(names)._make(values)
