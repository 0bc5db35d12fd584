"""What happens to a row when what it refers to is deleted: the `on_delete` choices of relations.

Relations name one of them, by function or by string; the collector of `deletion` calls it. A choice only
tells the collector what to do and never queries.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

from covet.exceptions import ProtectedError


class Gathering(Protocol):
    """The part of the collector that a choice may use; a project's own choices get it too."""

    def add_field_update(self, field: Any, value: Any, objs: Any) -> None: ...
    def add_restricted_objects(self, field: Any, objs: Iterable[Any]) -> None: ...
    def add_dependency(self, model: Any, dependency: Any, *, reverse_dependency: bool = False) -> None: ...
    def defers_constraints(self) -> bool: ...
    async def collect(self, objs: Any, **options: Any) -> None: ...


OnDelete = Callable[[Any, Any, Any, str], Any]


async def CASCADE(collector: Gathering, field: Any, sub_objs: Any, using: str) -> None:  # noqa: N802 - Django's name
    """Delete what refers to the deleted object too."""
    del using
    await collector.collect(
        sub_objs, source=field.remote_field.model, source_attr=field.name, nullable=field.null, fail_on_restricted=False
    )
    if field.null and not collector.defers_constraints():
        collector.add_field_update(field, None, sub_objs)


def PROTECT(collector: Gathering, field: Any, sub_objs: Any, using: str) -> None:  # noqa: N802 - Django's name
    """Refuse the deletion while something refers to the object."""
    del collector, using
    message = (
        f"Cannot delete some instances of model '{field.remote_field.model.__name__}' because they are referenced "
        f"through a protected foreign key: '{type(sub_objs[0]).__name__}.{field.name}'"
    )
    raise ProtectedError(message, sub_objs)


def RESTRICT(collector: Gathering, field: Any, sub_objs: Any, using: str) -> None:  # noqa: N802 - Django's name
    """Refuse the deletion unless what refers to the object is deleted with it by another way."""
    del using
    collector.add_restricted_objects(field, sub_objs)
    collector.add_dependency(field.remote_field.model, field.model)


def SET(value: Any) -> OnDelete:  # noqa: N802 - Django's name
    """Set the reference to `value`, or to what `value()` returns (awaited if need be)."""

    async def set_on_delete(collector: Gathering, field: Any, sub_objs: Any, using: str) -> None:
        del using
        chosen = value
        if callable(value):
            chosen = value()
            if inspect.iscoroutine(chosen):
                chosen = await chosen
        collector.add_field_update(field, chosen, sub_objs)

    set_on_delete.deconstruct = lambda: ("covet.database.orm.SET", (value,), {})  # type: ignore[attr-defined]
    # A callable may be costly or have effects: it is called only when there is something to set.
    set_on_delete.lazy_sub_objs = not callable(value)  # type: ignore[attr-defined]
    return set_on_delete


def SET_NULL(collector: Gathering, field: Any, sub_objs: Any, using: str) -> None:  # noqa: N802 - Django's name
    """Set the reference to NULL."""
    del using
    collector.add_field_update(field, None, sub_objs)


def SET_DEFAULT(collector: Gathering, field: Any, sub_objs: Any, using: str) -> None:  # noqa: N802 - Django's name
    """Set the reference to the field's default."""
    del using
    collector.add_field_update(field, field.get_default(), sub_objs)


def DO_NOTHING(collector: Gathering, field: Any, sub_objs: Any, using: str) -> None:  # noqa: N802 - Django's name
    """Leave the reference to the database."""


SET_NULL.lazy_sub_objs = True  # type: ignore[attr-defined]

ON_DELETE: Final[dict[str, Any]] = {
    function.__name__: function for function in (CASCADE, PROTECT, RESTRICT, SET_NULL, SET_DEFAULT, DO_NOTHING)
}
