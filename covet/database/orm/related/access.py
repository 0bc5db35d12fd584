"""What descriptors of relations share: awaitable twins of attributes, and the tables that a relation is read from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from covet.database.adapters.changes import plain_name


def tables_of(*models: Any) -> tuple[str, ...]:
    """The tables that rows of the models are read from, multi-table parents included."""
    found: dict[str, None] = {}
    for model in models:
        for each in (model, *model._meta.all_parents):
            found[plain_name(each._meta.db_table)] = None
    return tuple(found)


class AwaitableRelation:
    """`a<name>` of an instance: awaits to what `<name>` is.

    It gives way to anything else of that name: on the class it seems not to be there.
    """

    def __init__(self, name: str, load: Callable[[Any], Awaitable[Any]]) -> None:
        self.name = name
        self.load = load

    def __get__(self, instance: Any, owner: type[Any] | None = None) -> Awaitable[Any]:
        if instance is None:
            kind = owner.__name__ if owner is not None else "model"
            message = f"type object {kind!r} has no attribute {self.name!r}"
            raise AttributeError(message)
        return self.load(instance)


def add_awaitable(model: Any, name: str, load: Callable[[Any], Awaitable[Any]]) -> None:
    """Put `a<name>` on `model`, unless it has something of that name."""
    awaitable = f"a{name}"
    if not hasattr(model, awaitable):
        setattr(model, awaitable, AwaitableRelation(awaitable, load))
