"""The register of lookups and transforms: which names a field understands after `__`.

Fields and transforms derive from `RegisterLookupMixin`. Built-in lookups stand below the fields in
the house, so they register under a field class's name (`builtin`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

_BUILTIN: dict[str, dict[str, type[Any]]] = {}
# Called after a change, since what a query means may depend on it.
on_change: list[Callable[[], None]] = []
_C = TypeVar("_C", bound=type[Any])


class LookupKind:
    """Marks lookup classes; `get_lookup` gives nothing else."""


class TransformKind:
    """Marks transform classes; `get_transform` gives nothing else."""


class ClassOrInstance:
    """A method with one implementation on the class and another on instances."""

    def __init__(self, on_class: Callable[..., Any], on_instance: Callable[..., Any]) -> None:
        self.on_class = on_class
        self.on_instance = on_instance

    def __get__(self, instance: Any, owner: type[Any]) -> Callable[..., Any]:
        if instance is None:
            return functools.partial(self.on_class, owner)
        return functools.partial(self.on_instance, instance)


def builtin(*field_names: str, lookup_name: str | None = None) -> Callable[[_C], _C]:
    """Register a lookup for CovetPy's own field classes of these names and what derives from them."""

    def register(lookup: _C) -> _C:
        for name in field_names:
            _BUILTIN.setdefault(name, {})[lookup_name or lookup.lookup_name] = lookup
        _changed()
        return lookup

    return register


def _changed() -> None:
    _merged.cache_clear()
    for listener in on_change:
        listener()


@functools.cache
def _merged(cls: Any) -> dict[str, type[Any]]:
    merged: dict[str, type[Any]] = {}
    bases = cls.__mro__
    for position, base in enumerate(bases):
        if base.__name__ == "ForeignObject" and base.__module__.startswith("covet."):
            # A relation has none of a plain column's lookups.
            bases = bases[: position + 1]
            break
    for base in reversed(bases):
        if base.__module__.startswith("covet."):
            merged.update(_BUILTIN.get(base.__name__, {}))
        merged.update(base.__dict__.get("class_lookups", {}))
    return merged


def _class_lookups(cls: Any) -> dict[str, type[Any]]:
    return _merged(cls)


def _register_on_class(cls: type[Any], lookup: Any, lookup_name: str | None = None) -> Any:
    name = lookup.lookup_name if lookup_name is None else lookup_name
    if "class_lookups" not in cls.__dict__:
        cls.class_lookups = {}
    cls.class_lookups[name] = lookup
    _changed()
    return lookup


def _register_on_instance(instance: Any, lookup: Any, lookup_name: str | None = None) -> Any:
    name = lookup.lookup_name if lookup_name is None else lookup_name
    instance.__dict__.setdefault("instance_lookups", {})[name] = lookup
    _changed()
    return lookup


def _unregister_on_class(cls: type[Any], lookup: Any, lookup_name: str | None = None) -> None:
    del cls.class_lookups[lookup.lookup_name if lookup_name is None else lookup_name]
    _changed()


def _unregister_on_instance(instance: Any, lookup: Any, lookup_name: str | None = None) -> None:
    del instance.instance_lookups[lookup.lookup_name if lookup_name is None else lookup_name]
    _changed()


def _lookups_of_class(cls: type[Any]) -> dict[str, type[Any]]:
    return _class_lookups(cls)


def _lookups_of_instance(instance: Any) -> dict[str, type[Any]]:
    own = instance.__dict__.get("instance_lookups")
    found = _class_lookups(type(instance))
    return {**found, **own} if own else found


class CachedLookups:
    """`get_class_lookups()`, of a class or of an instance's; `get_class_lookups.cache_clear()` forgets it."""

    def __get__(self, instance: Any, owner: type[Any]) -> ClassLookups:
        return ClassLookups(owner)


class ClassLookups:
    """The call for one class."""

    def __init__(self, owner: type[Any]) -> None:
        self.owner = owner

    def __call__(self) -> dict[str, type[Any]]:
        return _class_lookups(self.owner)

    def cache_clear(self) -> None:
        """Forget what was merged."""
        _merged.cache_clear()


class RegisterLookupMixin:
    """What lookups and transforms can be registered on: field classes, fields, transforms."""

    get_class_lookups = CachedLookups()
    get_lookups = ClassOrInstance(_lookups_of_class, _lookups_of_instance)
    register_lookup = ClassOrInstance(_register_on_class, _register_on_instance)
    _unregister_lookup = ClassOrInstance(_unregister_on_class, _unregister_on_instance)

    def _named(self, name: str) -> Any:
        own = self.__dict__.get("instance_lookups")
        if own is not None and name in own:
            return own[name]
        return _class_lookups(type(self)).get(name)

    def get_lookup(self, lookup_name: str) -> Any:
        """The lookup class of that name; None when there is none."""
        found = self._named(lookup_name)
        if found is None and hasattr(self, "output_field"):
            return self.output_field.get_lookup(lookup_name)
        if found is not None and not (isinstance(found, type) and issubclass(found, LookupKind)):
            return None
        return found

    def get_transform(self, lookup_name: str) -> Any:
        """The transform class (or factory) of that name; None when there is none."""
        found = self._named(lookup_name)
        if found is None and hasattr(self, "output_field"):
            return self.output_field.get_transform(lookup_name)
        if found is not None and not (isinstance(found, type) and issubclass(found, TransformKind)):
            return None
        return found
