"""Bytes, and identifiers of 16 of them."""

from __future__ import annotations

import functools
import uuid
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any, ClassVar, Literal, overload

from covet.database.orm.fields.base import Field, canonical_uuid
from covet.database.orm.fields.values import BytesValue, UUIDValue
from covet.exceptions import ValidationError
from covet.utils import validators as checks
from covet.utils.functional import resolve
from covet.utils.translation import gettext_lazy as _


class BinaryField(Field[BytesValue]):
    """Raw bytes; not editable unless told."""

    description = _("Raw binary data")
    empty_values: ClassVar[Any] = [None, b""]

    @overload
    def __init__(
        self: BinaryField[bytes | None],
        *args: Any,
        null: Literal[True],
        **kwargs: Any,
    ) -> None: ...
    @overload
    def __init__(
        self: BinaryField[bytes | None],
        *args: Any,
        nullable: Literal[True],
        **kwargs: Any,
    ) -> None: ...
    @overload
    def __init__(
        self: BinaryField[bytes],
        *args: Any,
        **kwargs: Any,
    ) -> None: ...

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("editable", False)
        super().__init__(*args, **kwargs)

    @functools.cached_property
    def validators(self) -> list[Callable[[Any], Any]]:
        """The given validators and that of the length."""
        found = [*self.default_validators, *self._validators]
        if self.max_length is not None:
            found.append(checks.MaxLengthValidator(self.max_length))
        return found

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        if self.editable:
            kwargs["editable"] = True
        else:
            del kwargs["editable"]
        return name, path, args, kwargs

    def get_internal_type(self) -> str:
        return "BinaryField"

    def get_default(self) -> Any:
        if self.has_default() and not callable(self.default):
            return self.default
        default = super().get_default()
        return b"" if default == "" else default

    def value_to_string(self, obj: Any) -> str:
        return b64encode(self.value_from_object(obj)).decode("ascii")

    def to_python(self, value: Any) -> Any:
        # Serialised data comes as base64 text.
        return memoryview(b64decode(value.encode("ascii"))) if isinstance(value, str) else value


class UUIDField(Field[UUIDValue]):
    """A universally unique identifier."""

    default_error_messages: ClassVar[dict[str, Any]] = {"invalid": _("“%(value)s” is not a valid UUID.")}
    description = _("Universally unique identifier")
    empty_strings_allowed = False

    @overload
    def __init__(
        self: UUIDField[uuid.UUID | None],
        verbose_name: Any = None,
        *,
        null: Literal[True],
        **kwargs: Any,
    ) -> None: ...
    @overload
    def __init__(
        self: UUIDField[uuid.UUID | None],
        verbose_name: Any = None,
        *,
        nullable: Literal[True],
        **kwargs: Any,
    ) -> None: ...
    @overload
    def __init__(
        self: UUIDField[uuid.UUID],
        verbose_name: Any = None,
        **kwargs: Any,
    ) -> None: ...

    def __init__(self, verbose_name: Any = None, **kwargs: Any) -> None:
        kwargs["max_length"] = 32
        super().__init__(verbose_name, **kwargs)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        del kwargs["max_length"]
        return name, path, args, kwargs

    def get_internal_type(self) -> str:
        return "UUIDField"

    def get_prep_value(self, value: Any) -> Any:
        return self.to_python(resolve(value))

    def to_python(self, value: Any) -> Any:
        if value is None or isinstance(value, uuid.UUID):
            return value
        try:
            return canonical_uuid(value)
        except (AttributeError, ValueError):
            raise ValidationError(self.error_messages["invalid"], code="invalid", params={"value": value}) from None
