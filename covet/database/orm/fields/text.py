"""Text: bounded, unbounded, and the kinds with a form of their own."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ClassVar, Literal, overload

from covet.database.orm.fields.base import Field
from covet.database.orm.fields.values import TextValue
from covet.database.orm.functions.text import Substr
from covet.utils import validators as checks
from covet.utils.functional import resolve
from covet.utils.translation import gettext_lazy as _


class Sliceable:
    """Text that `F('name')[:3]` cuts in the database."""

    allow_slicing = True

    def slice_expression(self, expression: Any, start: int, length: int | None) -> Any:
        """The part of `expression` from the 1-based `start`."""
        return Substr(expression, start, length)


class CharField(Sliceable, Field[TextValue]):
    """Text of at most `max_length` characters.

    Args:
        *args: options of `Field`.
        db_collation: the column's collation.
        **kwargs: options of `Field`.
    """

    @overload
    def __init__(
        self: CharField[str | None], *args: Any, null: Literal[True], db_collation: str | None = None, **kwargs: Any
    ) -> None: ...
    @overload
    def __init__(
        self: CharField[str | None], *args: Any, nullable: Literal[True], db_collation: str | None = None, **kwargs: Any
    ) -> None: ...
    @overload
    def __init__(self: CharField[str], *args: Any, db_collation: str | None = None, **kwargs: Any) -> None: ...

    def __init__(self, *args: Any, db_collation: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.db_collation = db_collation

    @functools.cached_property
    def validators(self) -> list[Callable[[Any], Any]]:
        """The given validators and that of the length."""
        found = [*self.default_validators, *self._validators]
        if self.max_length is not None:
            found.append(checks.MaxLengthValidator(self.max_length))
        return found

    @property
    def description(self) -> Any:
        """The field's description."""
        return _("String (up to %(max_length)s)") if self.max_length is not None else _("String (unlimited)")

    def db_parameters(self, connection: Any) -> dict[str, Any]:
        return {**super().db_parameters(connection), "collation": self.db_collation}

    def get_internal_type(self) -> str:
        return "CharField"

    def to_python(self, value: Any) -> Any:
        return value if isinstance(value, str) or value is None else str(value)

    def get_prep_value(self, value: Any) -> Any:
        return self.to_python(resolve(value))

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        if self.db_collation:
            kwargs["db_collation"] = self.db_collation
        return name, path, args, kwargs


class CommaSeparatedIntegerField(CharField[TextValue]):
    """Digits joined by commas, as older projects declare it."""

    default_validators: ClassVar[Any] = [checks.validate_comma_separated_integer_list]
    description = _("Comma-separated integers")


class EmailField(CharField[TextValue]):
    """An e-mail address."""

    default_validators: ClassVar[Any] = [checks.validate_email]
    description = _("Email address")

    @overload
    def __init__(
        self: EmailField[str | None],
        *args: Any,
        null: Literal[True],
        **kwargs: Any,
    ) -> None: ...
    @overload
    def __init__(
        self: EmailField[str | None],
        *args: Any,
        nullable: Literal[True],
        **kwargs: Any,
    ) -> None: ...
    @overload
    def __init__(
        self: EmailField[str],
        *args: Any,
        **kwargs: Any,
    ) -> None: ...

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 254)
        super().__init__(*args, **kwargs)  # type: ignore[misc] # the value type of the subclass


class SlugField(CharField[TextValue]):
    """A word for URLs: letters, digits, hyphens, underscores; indexed.

    Args:
        *args: options of `CharField`.
        max_length: 50 unless told.
        db_index: whether it is indexed.
        allow_unicode: whether letters of all scripts are accepted.
        **kwargs: options of `CharField`.
    """

    default_validators: ClassVar[Any] = [checks.validate_slug]
    description = _("Slug (up to %(max_length)s)")

    @overload
    def __init__(
        self: SlugField[str | None],
        *args: Any,
        max_length: int | None = 50,
        db_index: bool = True,
        allow_unicode: bool = False,
        null: Literal[True],
        **kwargs: Any,
    ) -> None: ...
    @overload
    def __init__(
        self: SlugField[str | None],
        *args: Any,
        max_length: int | None = 50,
        db_index: bool = True,
        allow_unicode: bool = False,
        nullable: Literal[True],
        **kwargs: Any,
    ) -> None: ...
    @overload
    def __init__(
        self: SlugField[str],
        *args: Any,
        max_length: int | None = 50,
        db_index: bool = True,
        allow_unicode: bool = False,
        **kwargs: Any,
    ) -> None: ...

    def __init__(
        self, *args: Any, max_length: int | None = 50, db_index: bool = True, allow_unicode: bool = False, **kwargs: Any
    ) -> None:
        self.allow_unicode = allow_unicode
        if allow_unicode:
            self.default_validators = [checks.validate_unicode_slug]  # type: ignore[misc]
        super().__init__(*args, max_length=max_length, db_index=db_index, **kwargs)  # type: ignore[misc] # the value type of the subclass

    def get_internal_type(self) -> str:
        return "SlugField"

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        if kwargs.get("max_length") == 50:
            del kwargs["max_length"]
        if self.db_index is False:
            kwargs["db_index"] = False
        else:
            del kwargs["db_index"]
        if self.allow_unicode:
            kwargs["allow_unicode"] = True
        return name, path, args, kwargs


class URLField(CharField[TextValue]):
    """A URL."""

    default_validators: ClassVar[Any] = [checks.URLValidator()]
    description = _("URL")

    @overload
    def __init__(
        self: URLField[str | None],
        verbose_name: Any = None,
        name: str | None = None,
        *,
        null: Literal[True],
        **kwargs: Any,
    ) -> None: ...
    @overload
    def __init__(
        self: URLField[str | None],
        verbose_name: Any = None,
        name: str | None = None,
        *,
        nullable: Literal[True],
        **kwargs: Any,
    ) -> None: ...
    @overload
    def __init__(
        self: URLField[str],
        verbose_name: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None: ...

    def __init__(self, verbose_name: Any = None, name: str | None = None, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 200)
        super().__init__(verbose_name, name, **kwargs)  # type: ignore[misc] # the value type of the subclass

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        if kwargs.get("max_length") == 200:
            del kwargs["max_length"]
        return name, path, args, kwargs


class TextField(Sliceable, Field[TextValue]):
    """Text of any length.

    Args:
        *args: options of `Field`.
        db_collation: the column's collation.
        **kwargs: options of `Field`.
    """

    description = _("Text")

    @overload
    def __init__(
        self: TextField[str | None], *args: Any, null: Literal[True], db_collation: str | None = None, **kwargs: Any
    ) -> None: ...
    @overload
    def __init__(
        self: TextField[str | None], *args: Any, nullable: Literal[True], db_collation: str | None = None, **kwargs: Any
    ) -> None: ...
    @overload
    def __init__(self: TextField[str], *args: Any, db_collation: str | None = None, **kwargs: Any) -> None: ...

    def __init__(self, *args: Any, db_collation: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.db_collation = db_collation

    def db_parameters(self, connection: Any) -> dict[str, Any]:
        return {**super().db_parameters(connection), "collation": self.db_collation}

    def get_internal_type(self) -> str:
        return "TextField"

    def to_python(self, value: Any) -> Any:
        return value if isinstance(value, str) or value is None else str(value)

    def get_prep_value(self, value: Any) -> Any:
        return self.to_python(resolve(value))

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        if self.db_collation:
            kwargs["db_collation"] = self.db_collation
        return name, path, args, kwargs
