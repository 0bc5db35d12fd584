"""JSON documents."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar

from covet.database.orm.expressions.values import Value
from covet.database.orm.fields.base import Field
from covet.database.orm.lookups.json import KT, KeyTextTransform, KeyTransform, KeyTransformFactory
from covet.exceptions import ValidationError
from covet.utils.translation import gettext_lazy as _


class JSONNull(Value):
    """JSON's own null, where it is stored: `Value(None, JSONField())` assigned to a field."""

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Sequence[Any]]:
        del compiler
        return "'null'::jsonb" if connection.vendor == "postgresql" else "'null'", []


class JSONField(Field[Any]):
    """A JSON document.

    Args:
        verbose_name, name: as in `Field`.
        encoder: a `json.JSONEncoder` class. decoder: a `json.JSONDecoder` class.
        **kwargs: options of `Field`.

    Raises:
        ValueError: encoder or decoder is not callable.
    """

    empty_strings_allowed = False
    description = _("A JSON object")
    default_error_messages: ClassVar[dict[str, Any]] = {"invalid": _("Value must be valid JSON.")}

    def __init__(
        self,
        verbose_name: Any = None,
        name: str | None = None,
        encoder: Any = None,
        decoder: Any = None,
        **kwargs: Any,
    ) -> None:
        if encoder and not callable(encoder):
            raise ValueError("The encoder parameter must be a callable object.")
        if decoder and not callable(decoder):
            raise ValueError("The decoder parameter must be a callable object.")
        self.encoder = encoder
        self.decoder = decoder
        super().__init__(verbose_name, name, **kwargs)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        if self.encoder is not None:
            kwargs["encoder"] = self.encoder
        if self.decoder is not None:
            kwargs["decoder"] = self.decoder
        return name, path, args, kwargs

    def get_internal_type(self) -> str:
        return "JSONField"

    def get_transform(self, lookup_name: str) -> Any:
        """A registered transform; every other name is a key of the document."""
        return super().get_transform(lookup_name) or KeyTransformFactory(lookup_name)

    def validate(self, value: Any, model_instance: Any) -> None:
        super().validate(value, model_instance)
        try:
            json.dumps(value, cls=self.encoder)
        except TypeError:
            raise ValidationError(self.error_messages["invalid"], code="invalid", params={"value": value}) from None

    def pre_save(self, model_instance: Any, add: bool) -> Any:
        value = super().pre_save(model_instance, add)
        if isinstance(value, Value) and isinstance(value._output_field_or_none, JSONField):
            return JSONNull(None, output_field=self) if value.value is None else value.value
        return value

    def value_to_string(self, obj: Any) -> Any:
        return self.value_from_object(obj)


__all__ = ["KT", "JSONField", "JSONNull", "KeyTextTransform", "KeyTransform", "KeyTransformFactory"]
