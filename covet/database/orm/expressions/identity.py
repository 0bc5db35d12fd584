"""Keys of what expressions hold: fields, slots, nested arguments."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from covet.database.orm.shape import Const, Param, Unplannable

T = TypeVar("T")


# Called after a class of expressions was changed: compiled queries may have been made with what it said before.
on_class_change: list[Callable[[], None]] = []
_caches: list[Any] = []


class ExpressionType(type):
    """The type of expression classes: tells when one is changed, as by `Length.as_sqlite = as_length`."""

    def __setattr__(cls, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        _changed()

    def __delattr__(cls, name: str) -> None:
        super().__delattr__(name)
        _changed()


def _changed() -> None:
    for cache in _caches:
        cache.cache_clear()
    for listener in on_class_change:
        listener()


def per_class(function: Callable[[Any], T]) -> Callable[[Any], T]:
    """Compute `function` once for each class."""
    cached = functools.cache(function)
    _caches.append(cached)
    return cached


@per_class
def cached_names(cls: Any) -> frozenset[str]:
    """The attributes of `cls` that are computed from the others, and so are no part of a key."""
    names = {"_constructor_args", "_zone_slot", "_identity", "convert_value"}
    for base in cls.__mro__:
        names.update(name for name, value in vars(base).items() if isinstance(value, functools.cached_property))
    return frozenset(names)


def field_key(field: Any) -> Hashable:
    """The key of an output field: itself when it belongs to a model, else what it was made of.

    Raises:
        Unplannable: its options cannot be hashed.
    """
    if field is None or isinstance(field, type):
        return field
    if getattr(field, "model", None) is not None:
        return ("f", id(field), field.model)
    cached = getattr(field, "__dict__", {}).get("_shape_key")
    if cached is not None:
        return cached  # type: ignore[no-any-return]
    deconstruct = getattr(field, "deconstruct", None)
    if deconstruct is None:
        return ("f", type(field))
    _name, path, args, kwargs = deconstruct()
    key = (type(field), path, hashable(args), hashable(kwargs))
    try:
        hash(key)
    except TypeError as error:
        raise Unplannable from error
    field.__dict__["_shape_key"] = key
    return key


def hashable(value: Any) -> Any:
    """`value` with dictionaries, lists and sets replaced by hashable equals.

    Raises:
        TypeError: something in it cannot be hashed.
    """
    if isinstance(value, dict):
        return tuple((key, hashable(item)) for key, item in sorted(value.items(), key=lambda pair: str(pair[0])))
    if isinstance(value, (list, tuple)):
        return tuple(hashable(item) for item in value)
    if isinstance(value, set):
        return frozenset(hashable(item) for item in value)
    if hasattr(value, "get_internal_type") and not isinstance(value, type):
        return field_key(value)
    try:
        hash(value)
    except TypeError:
        if hasattr(value, "__iter__"):
            return tuple(hashable(item) for item in value)
        raise
    return value


def identity_of(value: Any) -> Any:
    """What takes part in an expression's identity for one of its arguments."""
    if isinstance(value, tuple):
        return tuple(identity_of(item) for item in value)
    if isinstance(value, dict):
        return tuple((key, identity_of(item)) for key, item in value.items())
    if isinstance(value, Param):
        return (type(value), value.index, value.preps)
    if isinstance(value, Const):
        return (Const, type(value.value), hashable(value.value))
    if hasattr(value, "get_internal_type") and not isinstance(value, type):
        if getattr(value, "name", None) and getattr(value, "model", None) is not None:
            return value.model._meta.label, value.name
        return type(value)
    return hashable(value)
