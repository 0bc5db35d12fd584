"""Hydration: database rows become instances, values and tuples. Runs once a row; knows no SQL.

`_speedups.hydration` is the inner loop, compiled where it can be; this module decides when it may be used.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from covet._speedups import select
from covet.database.orm.peers import Peers
from covet.database.orm.signals import post_init, pre_init

if TYPE_CHECKING:
    from covet._speedups import _hydration_py as speedups
    from covet._speedups import _rows_py as plain_rows
else:
    speedups = select("hydration")
    plain_rows = select("rows")

Converter = Callable[[Any], Any]
Row = Sequence[Any]
Layout = speedups.Hydrator
as_tuples = plain_rows.tuples
as_named = plain_rows.named
as_dicts = plain_rows.dicts
as_firsts = plain_rows.firsts
by_key = plain_rows.by_key


def is_direct(model: Any) -> bool:
    """Whether instances may be made without calling `from_db` and `__init__`."""
    if not model._direct_hydration:
        return False
    if not pre_init.receivers and not post_init.receivers:
        return True
    return not pre_init.has_listeners(model) and not post_init.has_listeners(model)


def converted(rows: Iterable[Row], converters: tuple[tuple[int, Converter], ...]) -> list[Row]:
    """The rows with the converters applied to their columns."""
    if not converters:
        return list(rows)
    result: list[Row] = []
    for row in rows:
        values = list(row)
        for index, convert in converters:
            values[index] = convert(values[index])
        result.append(values)
    return result


def hydrate(layout: Any, rows: Sequence[Row], db: str) -> list[Any]:
    """Instances of the rows, with joined instances attached; they are each other's peers."""
    peers = Peers(()) if len(rows) > 1 else None
    if is_direct(layout.model):
        instances: list[Any] = layout.many(rows, db, peers)
    else:
        instances = _through_init(layout, rows, db, peers)
    for related in layout.related:
        _attach(related, instances, rows, db)
    return instances


def hydrate_keyed(layout: Any, rows: Sequence[Row], db: str, name: str) -> tuple[list[Any], dict[Any, list[Any]]]:
    """Instances of the rows, and the same in groups by the annotation `name`, which they do not get.

    Only where instances are made directly and nothing is joined.
    """
    apart = next(index for extra, index in layout.extras if extra == name)
    made: tuple[list[Any], dict[Any, list[Any]]] = layout.keyed(rows, db, Peers(()) if len(rows) > 1 else None, apart)
    return made


def hydrate_one(layout: Any, row: Row, db: str) -> Any:
    """The instance of one row."""
    if layout.related or layout.extras or not is_direct(layout.model):
        return hydrate(layout, [row], db)[0]
    return layout.one(row, db, None)


def _through_init(layout: Any, rows: Sequence[Row], db: str, peers: Peers | None) -> list[Any]:
    """Models with an `__init__` or `from_db` of their own, or with listeners to their making."""
    names = list(layout.names)
    start, stop = layout.start, layout.start + len(names)
    rows = converted(rows, tuple(layout.converters.items()))
    instances = [layout.model.from_db(db, names, list(row[start:stop])) for row in map(tuple, rows)]
    if peers is not None:
        peers.join(instances)
    for name, index in layout.extras:
        for instance, row in zip(instances, rows, strict=True):
            setattr(instance, name, row[index])
    return instances


def _attach(layout: Any, parents: list[Any], rows: Sequence[Row], db: str) -> None:
    peers = Peers(()) if len(parents) > 1 else None
    if is_direct(layout.model):
        children: list[Any] = layout.attach(parents, rows, db, peers)
    else:
        children = _attach_through_init(layout, parents, rows, db, peers)
    for related in layout.related:
        _attach(related, children, rows, db)


def _attach_through_init(
    layout: Any, parents: list[Any], rows: Sequence[Row], db: str, peers: Peers | None
) -> list[Any]:
    names = list(layout.names)
    start, stop = layout.start, layout.start + len(names)
    rows = converted(rows, tuple(layout.converters.items()))
    children: list[Any] = []
    for parent, row in zip(parents, rows, strict=True):
        child = None
        if parent is not None and row[layout.key] is not None:
            child = layout.model.from_db(db, names, list(tuple(row)[start:stop]))
            if layout.backward is not None:
                child._state.fields_cache[layout.backward] = parent
        children.append(child)
        if parent is None:
            continue
        if layout.forward is not None:
            parent._state.fields_cache[layout.forward] = child
        elif layout.setter is not None:
            layout.setter(parent, child)
    if peers is not None:
        peers.join([child for child in children if child is not None])
    return children


@lru_cache(maxsize=512)
def row_class(names: tuple[str, ...]) -> Any:
    """The named tuple class of `values_list(named=True)`."""
    made = namedtuple("Row", names)  # type: ignore[misc]
    made.__reduce__ = _reduce_row  # type: ignore[method-assign, assignment]
    return made


def _reduce_row(row: Any) -> tuple[Any, ...]:
    return _restored_row, (row._fields, tuple(row))


def _restored_row(names: tuple[str, ...], values: tuple[Any, ...]) -> Any:
    return row_class(names)._make(values)
