"""Checks of the models between many-to-many fields: which of their keys lead where."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from covet.exceptions import FieldDoesNotExist
from covet.utils.checks import CheckMessage, Error


def check_through(field: Any) -> Iterator[CheckMessage]:
    """Whether the through model's two keys are there, and not to be mistaken."""
    through, target = field.remote_field.through, field.remote_field.model
    if isinstance(through, str) or isinstance(target, str) or through._meta.auto_created:
        return
    named = field.remote_field.through_fields
    if named is None:
        yield from _counted(field, through, target)
    else:
        yield from _named(field, through, target, named)


def _keys(through: Any, model: Any) -> list[Any]:
    return [one for one in through._meta.fields if getattr(one.remote_field, "model", None) == model]


def _counted(field: Any, through: Any, target: Any) -> Iterator[CheckMessage]:
    source = field.model
    used = f"The model is used as an intermediate model by '{source._meta.label}.{field.name}', but it "
    from_name, to_name = source._meta.object_name, target._meta.object_name
    outward, inward = _keys(through, source), _keys(through, target)
    recursive = (
        f'If you want to create a recursive relationship, use ManyToManyField("self", through="{through.__name__}").'
    )
    if source is target:
        if len(outward) > 2:
            yield Error(
                f"{used}has more than two foreign keys to '{from_name}', which is ambiguous. You must specify which "
                "two foreign keys Django should use via the through_fields keyword argument.",
                hint="Use through_fields to specify which two foreign keys Django should use.",
                obj=through,
                id="fields.E333",
            )
        return
    for keys, name, direction, code in ((outward, from_name, "from", "E334"), (inward, to_name, "to", "E335")):
        if len(keys) > 1:
            yield Error(
                f"{used}has more than one foreign key {direction} '{name}', which is ambiguous. You must specify which "
                "foreign key Django should use via the through_fields keyword argument.",
                hint=recursive,
                obj=field,
                id=f"fields.{code}",
            )
    if not outward or not inward:
        message = f"{used}does not have a foreign key to '{from_name}' or '{to_name}'."
        yield Error(message, obj=through, id="fields.E336")


def _named(field: Any, through: Any, target: Any, named: Any) -> Iterator[CheckMessage]:
    if len(named) < 2 or not named[0] or not named[1]:
        yield Error(
            "Field specifies 'through_fields' but does not provide the names of the two link fields that should be "
            f"used for the relation through model '{through._meta.label}'.",
            hint="Make sure you specify 'through_fields' as through_fields=('field1', 'field2')",
            obj=field,
            id="fields.E337",
        )
        return
    for name, model in ((named[0], field.model), (named[1], target)):
        possible = [one.name for one in _keys(through, model)]
        model_name = model._meta.object_name
        hint = None
        if possible:
            listed = ", ".join(possible)
            hint = f"Did you mean one of the following foreign keys to '{model_name}': {listed}?"
        try:
            found = through._meta.get_field(name)
        except FieldDoesNotExist:
            message = f"The intermediary model '{through._meta.label}' has no field '{name}'."
            yield Error(message, hint=hint, obj=field, id="fields.E338")
            continue
        if getattr(found.remote_field, "model", None) != model:
            message = f"'{through._meta.object_name}.{name}' is not a foreign key to '{model_name}'."
            yield Error(message, hint=hint, obj=field, id="fields.E339")
