"""What `Model(...)` does with its arguments; every instance that is not read from a row is made here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from covet.database.orm.fields.base import Field, return_none
from covet.exceptions import FieldDoesNotExist, choices


class Deferred:
    """Stands for a value that was not loaded."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<Deferred field>"

    def __reduce__(self) -> str:
        return "DEFERRED"


DEFERRED: Final = Deferred()
MISSING: Final = object()
_STEPS: Final = "_covet_steps"

Step = tuple[str | None, str, Callable[[], Any] | None, Any]


def fill(instance: Any, meta: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Set every field of a new instance from the arguments or its default.

    Raises:
        TypeError: an argument is no field, or a field is given twice.
        IndexError: more positional arguments than fields.
    """
    start = 0
    if args:
        start = _take_positional(instance, meta, args, kwargs)
    steps = _steps(meta) if kwargs or not args else _steps(meta, concrete=True)
    if start:
        steps = steps[start:]
    for relation, attname, make, constant in steps:
        if kwargs:
            if relation is not None and relation in kwargs:
                related = kwargs.pop(relation)
                if related is not DEFERRED:
                    setattr(instance, relation, related)
                continue
            value = kwargs.pop(attname, MISSING)
            if value is not MISSING:
                if value is not DEFERRED:
                    setattr(instance, attname, value)
                continue
        if make is not None:
            setattr(instance, attname, make())
        elif constant is not MISSING:
            setattr(instance, attname, constant)
    if kwargs:
        _take_rest(instance, meta, kwargs)


def _steps(meta: Any, *, concrete: bool = False) -> list[Step]:
    """One step for each field, kept until the model's fields change."""
    fields = meta.concrete_fields if concrete else meta.fields
    kept: dict[bool, tuple[Any, list[Step]]] = meta.__dict__.setdefault(_STEPS, {})
    known = kept.get(concrete)
    if known is not None and known[0] is fields:
        return known[1]
    steps = [_step(field) for field in fields]
    kept[concrete] = (fields, steps)
    return steps


def _step(field: Any) -> Step:
    """(name of a relation, attribute, what makes the default, or the default itself)."""
    relation = field.name if field.is_relation else None
    if field.column is None and not field.is_relation:
        # A composite key sets its parts after their own defaults: it is left to the end.
        return None, "", None, MISSING
    if field.column is None or field.generated:
        return relation, field.attname, None, MISSING
    if type(field).get_default is not Field.get_default:
        return relation, field.attname, field.get_default, None
    make = field._get_default  # noqa: SLF001 - what get_default calls
    if make is str:
        return relation, field.attname, None, ""
    if make is return_none:
        return relation, field.attname, None, None
    if field.has_default() and not callable(field.default):
        return relation, field.attname, None, field.default
    return relation, field.attname, make, None


def _take_positional(instance: Any, meta: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
    """Positional arguments: columns when nothing else is given, fields else; answers with their number."""
    fields = meta.fields if kwargs else meta.concrete_fields
    if len(args) > len(meta.concrete_fields):
        raise IndexError("Number of args exceeds number of fields")
    for value, field in zip(args, fields, strict=False):
        if kwargs and kwargs.pop(field.name, MISSING) is not MISSING:
            raise TypeError(
                f"{type(instance).__qualname__}() got both positional and keyword arguments for field '{field.name}'."
            )
        if value is not DEFERRED:
            setattr(instance, field.attname, value)
    return len(args)


def _take_rest(instance: Any, meta: Any, kwargs: dict[str, Any]) -> None:
    """Keyword arguments that are no fields with a column: properties, private fields, a composite key."""
    names = meta._property_names  # noqa: SLF001 - a part of Options
    unexpected: list[str] = []
    for name, value in kwargs.items():
        if name not in names:
            try:
                meta.get_field(name)
            except FieldDoesNotExist:
                unexpected.append(name)
                continue
        if value is not DEFERRED:
            setattr(instance, name, value)
    if unexpected:
        listed = ", ".join(map(repr, unexpected))
        error = TypeError(f"{type(instance).__name__}() got unexpected keyword arguments: {listed}")
        fields = meta.get_fields()
        known = [field.name for field in fields if not getattr(field, "auto_created", False) or field.concrete]
        error.add_note(f"choose of: {', '.join(choices(unexpected[0], known))}")
        raise error
