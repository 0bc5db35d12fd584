"""Path converters: the text of a path parameter to a value, and back; projects register their own."""

from __future__ import annotations

import re
import uuid
from typing import Any, ClassVar, Protocol

from covet.exceptions import ImproperlyConfigured, choices


class Converter(Protocol):
    """What a converter offers (Django's names)."""

    regex: ClassVar[str]

    def to_python(self, value: str) -> Any:
        """The value of a path's text; ValueError means that the route does not match."""
        ...

    def to_url(self, value: Any) -> str:
        """The text of a value."""
        ...


class StringConverter:
    """Anything up to the next slash."""

    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        """The text itself."""
        return value

    def to_url(self, value: Any) -> str:
        """The text itself."""
        return str(value)


class PathConverter(StringConverter):
    """The rest of the path, slashes included."""

    regex = ".+"


class SlugConverter(StringConverter):
    """ASCII letters, digits, hyphens and underscores."""

    regex = "[-a-zA-Z0-9_]+"


class IntConverter:
    """Digits."""

    regex = "[0-9]+"

    def to_python(self, value: str) -> int:
        """The number; more than 4,300 digits do not match."""
        return int(value)

    def to_url(self, value: Any) -> str:
        """The digits."""
        return str(value)


class FloatConverter:
    """Digits with an optional fraction."""

    regex = r"[0-9]+(?:\.[0-9]+)?"

    def to_python(self, value: str) -> float:
        """The number; one that a float cannot hold does not match."""
        number = float(value)
        if number == float("inf"):
            raise ValueError(value)
        return number

    def to_url(self, value: Any) -> str:
        """The digits, without an exponent."""
        return f"{float(value):.20f}".rstrip("0").rstrip(".")


class UUIDConverter:
    """A UUID in lower case with hyphens."""

    regex = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

    def to_python(self, value: str) -> uuid.UUID:
        """The UUID."""
        return uuid.UUID(value)

    def to_url(self, value: Any) -> str:
        """Its text."""
        return str(value)


CONVERTERS: dict[str, Any] = {
    "float": FloatConverter(),
    "int": IntConverter(),
    "path": PathConverter(),
    "slug": SlugConverter(),
    "str": StringConverter(),
    "uuid": UUIDConverter(),
}


def register_converter(converter: Any, type_name: str) -> None:
    """Make `{name:type_name}` known to patterns that are added from now on.

    Args:
        converter: a class or instance with `regex`, `to_python` and `to_url`.
        type_name: the word in patterns.

    Raises:
        ImproperlyConfigured: the name is taken by another converter, or the regex has capturing groups or is wrong.
    """
    instance = converter() if isinstance(converter, type) else converter
    known = CONVERTERS.get(type_name)
    if known is not None and type(known) is not type(instance):
        raise ImproperlyConfigured(f"The path converter {type_name!r} is {type(known).__qualname__} already.")
    try:
        groups = re.compile(instance.regex).groups
    except re.error as error:
        raise ImproperlyConfigured(f"The path converter {type_name!r} has a wrong regex: {error}") from error
    if groups:
        raise ImproperlyConfigured(f"The path converter {type_name!r} has capturing groups; write them as (?:...).")
    CONVERTERS[type_name] = instance


def get_converter(type_name: str, pattern: str) -> Any:
    """The converter of that name.

    Raises:
        ImproperlyConfigured: there is none; the message lists the choices.
    """
    try:
        return CONVERTERS[type_name]
    except KeyError:
        names = ", ".join(choices(type_name, CONVERTERS))
        raise ImproperlyConfigured(f"{pattern!r} names the converter {type_name!r}; choose one of: {names}") from None
