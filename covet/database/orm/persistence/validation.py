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
from covet.utils.validators import MaxLengthValidator, MaxValueValidator, MinLengthValidator, MinValueValidator


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
    for check in _checks(type(instance)):
        name = check.attname
        if name not in values or (fields is not None and check.field.name not in fields and name not in fields):
            continue
        value = values[name]
        if check.accepts(value):
            continue
        field = check.field
        if value in field.empty_values or is_expression(value):
            continue
        try:
            # Through the attribute: validators of files want the file, not its name.
            field.run_validators(field.to_python(getattr(instance, name)))
        except ValidationError as error:
            errors[field.name] = error.error_list
    if errors:
        raise ValidationError(errors)
    cleaning = instance.clean()
    if inspect.isawaitable(cleaning):
        await cleaning


class Check:
    """A field with validators; limits of length or size are compared here, without calling them.

    Attributes:
        field: the field. attname: its attribute.
    """

    __slots__ = ("_is_length", "_kind", "_least", "_most", "attname", "field")

    def __init__(self, field: Any) -> None:
        self.field = field
        self.attname = field.attname
        self._kind: type[Any] | None = None
        self._is_length = False
        self._least: Any = None
        self._most: Any = None
        for kind, is_length, lower, upper in _LIMITS:
            known = all(
                type(validator) in (lower, upper) and not callable(validator.limit_value)
                for validator in field.validators
            )
            if known and isinstance(_sample(field), kind):
                self._kind, self._is_length = kind, is_length
                least = [one.limit_value for one in field.validators if type(one) is lower]
                most = [one.limit_value for one in field.validators if type(one) is upper]
                self._least, self._most = max(least, default=0 if is_length else None), min(most, default=None)

    def accepts(self, value: Any) -> bool:
        """Whether `value` is surely within the limits; False leaves it to the validators."""
        if type(value) is not self._kind:
            return False
        size = len(value) if self._is_length else value
        return (self._least is None or size >= self._least) and (self._most is None or size <= self._most)


_LIMITS = (
    (str, True, MinLengthValidator, MaxLengthValidator),
    (int, False, MinValueValidator, MaxValueValidator),
)


def _sample(field: Any) -> Any:
    """A value of the type that the field's own class stores."""
    kind = field.get_internal_type()
    if kind in {"CharField", "TextField", "SlugField"}:
        return ""
    return 0 if kind.endswith("IntegerField") else None


def _checks(model: Any) -> tuple[Check, ...]:
    cached: tuple[Check, ...] | None = model.__dict__.get("_covet_checks")
    if cached is None:
        cached = tuple(
            Check(field)
            for field in model._meta.concrete_fields
            if not field.primary_key and not field.is_relation and field.validators
        )
        setattr(model, "_covet_checks", cached)  # noqa: B010 - ours, on a class of theirs
    return cached
