"""Assigning related objects: what may be assigned, and in which database both live then."""

from __future__ import annotations

from typing import Any

from covet.database.orm.routers import router


def check_kind(instance: Any, name: str, value: Any, model: Any) -> None:
    """Raise ValueError unless `value` is an instance of `model`."""
    if isinstance(value, model._meta.concrete_model):
        return
    message = (
        f'Cannot assign "{value!r}": "{instance._meta.object_name}.{name}" must be a '
        f'"{model._meta.object_name}" instance.'
    )
    raise ValueError(message)


def agree_on_database(instance: Any, value: Any) -> None:
    """Give what has no database yet the other's, and ask the routers whether the two may be related.

    Raises:
        ValueError: they may not.
    """
    ours, theirs = instance._state, value._state
    if ours.db is None:
        ours.db = router.db_for_write(type(instance), instance=value)
    if theirs.db is None:
        theirs.db = router.db_for_write(type(value), instance=instance)
    if not router.allow_relation(value, instance):
        message = f'Cannot assign "{value!r}": the current database router prevents this relation.'
        raise ValueError(message)
