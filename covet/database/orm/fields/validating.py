"""What a field accepts: choices, null and blank, validators, and the texts of refusals. A part of Field."""

from __future__ import annotations

import collections.abc
import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from covet.database.orm.fields.choices import BLANK_CHOICE_DASH, flatten_choices, normalize_choices
from covet.database.orm.fields.late import late
from covet.exceptions import ValidationError


class Validated:
    """What a field refuses, and with which words."""

    default_validators: ClassVar[Sequence[Callable[[Any], Any]]]
    empty_values: ClassVar[Sequence[Any]]
    editable: bool
    null: bool
    blank: bool
    remote_field: Any
    _validators: list[Callable[[Any], Any]]
    _error_messages: dict[str, Any] | None

    if TYPE_CHECKING:

        def to_python(self, value: Any) -> Any: ...

    @property
    def error_messages(self) -> dict[str, Any]:
        """Texts by code: the class's, its bases' and the given ones."""
        found = self.__dict__.get("_messages")
        if found is None:
            found = {}
            for cls in reversed(self.__class__.__mro__):
                found.update(vars(cls).get("default_error_messages", {}))
            found.update(self._error_messages or {})
            self.__dict__["_messages"] = found
        return found

    @property
    def choices(self) -> Any:
        """A list of `(value, label)` pairs and `(group, pairs)`, or None."""
        return self._choices

    @choices.setter
    def choices(self, value: Any) -> None:
        self._choices = normalize_choices(value)
        self.__dict__.pop("_flat", None)
        if isinstance(self._choices, collections.abc.Iterator):
            self._choices = list(self._choices)

    @property
    def flatchoices(self) -> list[tuple[Any, Any]]:
        """The choices without groups."""
        return list(flatten_choices(self.choices))

    def get_choices(
        self,
        include_blank: bool = True,
        blank_choice: Any = BLANK_CHOICE_DASH,
        limit_choices_to: Any = None,
        ordering: Sequence[str] = (),
    ) -> list[Any]:
        """The choices for a form, a blank one first; for a relation, its related objects."""
        if self.choices is not None:
            choices = list(self.choices)
            if include_blank:
                values = [value for value, _label in self.flatchoices]
                if not any(value in (None, "") for value in values):
                    choices = [*blank_choice, *choices]
            return choices
        related = self.remote_field.model
        limit_choices_to = limit_choices_to or self.get_limit_choices_to()  # type: ignore[attr-defined]
        remote = self.remote_field
        attribute = remote.get_related_field().attname if hasattr(remote, "get_related_field") else "pk"
        rows = related._default_manager.complex_filter(limit_choices_to)
        if ordering:
            rows = rows.order_by(*ordering)
        return (list(blank_choice) if include_blank else []) + [(getattr(row, attribute), str(row)) for row in rows]

    @functools.cached_property
    def validators(self) -> list[Callable[[Any], Any]]:
        """The class's validators and the given ones."""
        return [*self.default_validators, *self._validators]

    def run_validators(self, value: Any) -> None:
        """Call every validator on a value that is not empty.

        Raises:
            ValidationError: with the messages of all that refuse.
        """
        if value in self.empty_values:
            return
        errors: list[Any] = []
        for validator in self.validators:
            try:
                validator(value)
            except ValidationError as error:
                code = getattr(error, "code", None)
                if code in self.error_messages:
                    error.message = self.error_messages[code]
                errors.extend(error.error_list)
        if errors:
            raise ValidationError(errors)

    def validate(self, value: Any, model_instance: Any) -> None:
        """Check choices, null and blank.

        Raises:
            ValidationError: the value is not acceptable.
        """
        del model_instance
        if not self.editable:
            return
        if self.choices is not None and value not in self.empty_values:
            if any(value == option for option, _label in self.flatchoices):
                return
            raise ValidationError(self.error_messages["invalid_choice"], code="invalid_choice", params={"value": value})
        if value is None and not self.null:
            raise ValidationError(self.error_messages["null"], code="null")
        if not self.blank and value in self.empty_values:
            raise ValidationError(self.error_messages["blank"], code="blank")

    def clean(self, value: Any, model_instance: Any) -> Any:
        """`value` converted, checked and validated.

        Raises:
            ValidationError: it is not acceptable.
        """
        value = self.to_python(value)
        self.validate(value, model_instance)
        self.run_validators(value)
        return value

    def check(self, **options: Any) -> list[Any]:
        """Problems of the declaration; `covet check` asks."""
        del options
        return list(late.check_field(self))
