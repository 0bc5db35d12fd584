"""What stands on a model class in place of its fields: loads a value that a query left out."""

from __future__ import annotations

import functools
from typing import Any

from covet.database.orm.implicit import load_now


class DeferredAttribute:
    """Read on an instance only when its own dictionary has no such value: then the value is loaded.

    Having no `__set__` it never stands in the way of the instance's dictionary, so that reading and
    writing a loaded value is what it is for any Python object.
    """

    def __init__(self, field: Any) -> None:
        self.field = field

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        name = self.field.attname
        values = instance.__dict__
        if name not in values:
            if self.field.generated and not instance._is_pk_set():
                raise AttributeError("Cannot read a generated field from an unsaved model.")
            parent = self._in_parent_link(instance)
            if parent is not None:
                values[name] = parent
            else:
                _load(instance, name)
        return values[name]

    def _in_parent_link(self, instance: Any) -> Any:
        """The value, when this is an inherited key whose equal the instance already has."""
        options = instance._meta
        link = options.get_ancestor_link(self.field.model)
        if not self.field.primary_key or self.field is link or link is None:
            return None
        # The link leads to the key of the next parent, which need not be the key of this one.
        target = link.target_field
        while target is not self.field and target.remote_field:
            target = target.target_field
        return getattr(instance, link.attname) if target is self.field else None


def _load(instance: Any, name: str) -> None:
    advice = f"use `await instance.refresh_from_db(fields=[{name!r}])` first, or leave {name!r} in the query"
    load_now(instance, name, functools.partial(_load_deferred, name=name), advice)


async def _load_deferred(instance: Any, name: str) -> None:
    await instance._load_deferred(name)
