"""Cached related objects before a write: their keys are taken over, and unsaved ones are refused.

Saving, bulk_create and bulk_update call it; it never queries.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any


def prepare_related_fields_for_save(instance: Any, operation_name: str, fields: Collection[Any] | None = None) -> None:
    """Bring the foreign key values of `instance` in line with the related objects that it holds.

    Args:
        instance: what will be written.
        operation_name: `save`, `bulk_create` …; named in the error.
        fields: the fields that will be written, when not all of them are.

    Raises:
        ValueError: a related object has not been saved itself.
    """
    if not instance._state.holds_related:
        return
    meta = instance._meta
    for field in meta.concrete_fields:
        if (fields and field not in fields) or not field.is_relation or not field.is_cached(instance):
            continue
        related = getattr(instance, field.name, None)
        if related is None:
            continue
        if related.pk is None:
            if not field.remote_field.multiple and field.remote_field.is_cached(related):
                # The other side of a one-to-one must not go on pointing here.
                field.remote_field.delete_cached_value(related)
            raise _unsaved(operation_name, field)
        if getattr(instance, field.attname) in field.empty_values:
            setattr(instance, field.name, related)
        if getattr(related, field.target_field.attname) != getattr(instance, field.attname):
            field.delete_cached_value(instance)
    for field in meta.private_fields:
        if field.is_relation and getattr(field, "fk_field", None) and field.is_cached(instance):
            related = field.get_cached_value(instance, default=None)
            if related is not None and related.pk is None:
                raise _unsaved(operation_name, field)
            if related is not None and operation_name != "save" and getattr(instance, field.ct_attname) is None:
                # It was assigned where nothing could wait; save() asks for the content type, this cannot.
                kind = type(related).__name__
                message = (
                    f"{operation_name}() cannot store '{field.name}': the content type of {kind} was not known when it "
                    f"was assigned; `await ContentType.objects.get_for_model({kind})` before."
                )
                raise ValueError(message)


def _unsaved(operation_name: str, field: Any) -> ValueError:
    return ValueError(
        f"{operation_name}() prohibited to prevent data loss due to unsaved related object '{field.name}'."
    )
