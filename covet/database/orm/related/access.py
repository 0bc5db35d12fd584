"""Reading what is not loaded: inside a portal it is waited for, outside it is an error that says what to write.

Descriptors of relations call it, and hand over how to load.
"""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable
from typing import Any

from covet.conf import settings
from covet.database.adapters.changes import plain_name
from covet.exceptions import RelationNotLoaded
from covet.portal import in_portal, wait


def load_now(instance: Any, name: str, load: Callable[[Any], Awaitable[Any]], advice: str) -> Any:
    """What `load(instance)` answers, waited for in the running portal.

    Args:
        instance: whose attribute is read.
        name: the attribute.
        load: loads it.
        advice: what to write instead.

    Raises:
        RelationNotLoaded: there is no portal, or the setting IMPLICIT_LOADING is `raise`.
    """
    mode = settings.IMPLICIT_LOADING
    if mode == "raise":
        message = f"{_label(instance, name)} is not loaded, and IMPLICIT_LOADING is 'raise'; {advice}"
        raise RelationNotLoaded(message)
    if not in_portal():
        message = f"{_label(instance, name)} is not loaded, and outside a portal nothing can wait for it; {advice}"
        raise RelationNotLoaded(message)
    if mode == "warn":
        warnings.warn(f"{_label(instance, name)} was loaded implicitly; {advice}", RuntimeWarning, stacklevel=4)
    return wait(load(instance))


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


def _label(instance: Any, name: str) -> str:
    return f"{type(instance).__name__}.{name}"
