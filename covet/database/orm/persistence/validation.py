"""Validation on save: the fields' validators and `clean()`, without a query.

`save()` asks; `full_clean()`, which also looks for duplicates, is the model's own.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection
from typing import Any

from covet.conf import settings
from covet.database.orm.persistence.plans import is_expression
from covet.exceptions import ValidationError


def is_validated(model: Any) -> bool:
    """Whether saving validates: the model's `Meta.validate_on_save`, else the setting."""
    stated = getattr(model._meta, "validate_on_save", None)
    return bool(settings.VALIDATE_ON_SAVE if stated is None else stated)


async def run_validators(instance: Any, fields: Collection[str] | None = None) -> None:
    """Run the validators of the fields that hold a value, then `clean()`, which may be async.

    Blank and missing values pass, as they do in Django's `save()`: columns say what they need.

    Args:
        instance: what is about to be saved.
        fields: the names that will be written, when not all are.

    Raises:
        ValidationError: by field, from the validators; whatever `clean()` raises passes unchanged.
    """
    errors: dict[str, Any] = {}
    values = instance.__dict__
    for field in _validated(type(instance)):
        name = field.attname
        if name not in values or (fields is not None and field.name not in fields and name not in fields):
            continue
        value = values[name]
        if value in field.empty_values or is_expression(value):
            continue
        try:
            field.run_validators(field.to_python(value))
        except ValidationError as error:
            errors[field.name] = error.error_list
    if errors:
        raise ValidationError(errors)
    cleaning = instance.clean()
    if inspect.isawaitable(cleaning):
        await cleaning


def _validated(model: Any) -> tuple[Any, ...]:
    cached: tuple[Any, ...] | None = model.__dict__.get("_covet_validated")
    if cached is None:
        cached = tuple(
            field
            for field in model._meta.concrete_fields
            if not field.primary_key and not field.is_relation and field.validators
        )
        setattr(model, "_covet_validated", cached)  # noqa: B010 - ours, on a class of theirs
    return cached
