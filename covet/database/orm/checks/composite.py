"""Checks of composite primary keys: what may be part of one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from covet.exceptions import FieldDoesNotExist
from covet.utils.checks import CheckMessage, Error


def check_composite_key(model: Any) -> Iterator[CheckMessage]:
    """Each part is a column of the model's own table, never NULL, never computed, and is named once."""
    meta = model._meta
    if meta.proxy or not getattr(meta.pk, "is_composite", False):
        return
    by_column: dict[str, list[str]] = {}
    for name in meta.pk.field_names:
        field, hint = _part(meta, name)
        if hint:
            yield _refused(model, repr(name), hint)
        else:
            by_column.setdefault(field.column, []).append(name)
    for first, *others in by_column.values():
        if others:
            listed = ", ".join(map(repr, others))
            yield _refused(model, listed, f"{listed} and {first!r} are the same fields.")


def check_key_name(field: Any) -> Iterator[CheckMessage]:
    """`Model.pk` is where it is looked for."""
    if field.name != "pk":
        yield Error("'CompositePrimaryKey' must be named 'pk'.", obj=field, id="fields.E013")


def _part(meta: Any, name: str) -> tuple[Any, str]:
    """The field of that name, and why it cannot be part of a key."""
    try:
        field = meta.get_field(name)
    except FieldDoesNotExist:
        return None, f"{name!r} is not a valid field."
    if not field.column:
        return field, f"{name!r} field has no column."
    if field.null:
        return field, f"{name!r} field may not set 'null=True'."
    if field.generated:
        return field, f"{name!r} field is a generated field."
    if field not in meta.local_fields:
        return field, f"{name!r} field is not a local field."
    return field, ""


def _refused(model: Any, names: str, hint: str) -> Error:
    text = f"{names} cannot be included in the composite primary key."
    return Error(text, hint=hint, obj=model, id="models.E042")
