"""Path patterns: `/posts/{pk:int}/` as a list of literals and parameters. `<int:pk>` is understood too."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final
from urllib.parse import quote

from covet.exceptions import ImproperlyConfigured
from covet.routing.converters import get_converter

_PARAMETER: Final = re.compile(r"\{(?P<a>[^{}]*)\}|<(?P<b>[^<>]*)>")
_UNQUOTED: Final = "/~:@!$&'()*+,;=-._"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a pattern: its name, the regex of its text, and the converter between text and value."""

    name: str
    regex: str
    converter: Any

    @property
    def is_plain(self) -> bool:
        """Whether the value is the text itself."""
        return getattr(type(self.converter), "to_python", None) is _IDENTITY


_IDENTITY: Final = type(get_converter("str", "")).to_python


@dataclass(frozen=True)
class Pattern:
    """A parsed pattern.

    Attributes:
        text: the pattern in braces: `/posts/{pk:int}/`.
        parts: its literals (str) and parameters, in order.
    """

    text: str
    parts: tuple[str | Parameter, ...]

    @property
    def is_static(self) -> bool:
        """Whether it has no parameter."""
        return all(isinstance(part, str) for part in self.parts)

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters, in order."""
        return tuple(part for part in self.parts if isinstance(part, Parameter))

    @cached_property
    def names(self) -> frozenset[str]:
        """The parameters' names."""
        return frozenset(parameter.name for parameter in self.parameters)

    @cached_property
    def regex(self) -> re.Pattern[str]:
        """A regex that matches whole paths; one group for each parameter."""
        source = "".join(re.escape(part) if isinstance(part, str) else f"({part.regex})" for part in self.parts)
        return re.compile(source, re.DOTALL)

    @cached_property
    def _quoted(self) -> tuple[str | Parameter, ...]:
        """The parts, what is literal in them quoted for a URL."""
        return tuple(quote(part, safe=_UNQUOTED) if isinstance(part, str) else part for part in self.parts)

    def match(self, path: str) -> dict[str, Any] | None:
        """The parameters' values if `path` matches as a whole."""
        found = self.regex.fullmatch(path)
        return None if found is None else self.convert(found.groups())

    def convert(self, texts: tuple[str, ...]) -> dict[str, Any] | None:
        """Values for the parameters' texts; None where a converter refuses one."""
        try:
            return {
                parameter.name: parameter.converter.to_python(text)
                for parameter, text in zip(self.parameters, texts, strict=True)
            }
        except ValueError:
            return None

    def build(self, values: dict[str, Any]) -> str | None:
        """The path for values of all parameters; None where one does not fit its converter."""
        pieces: list[str] = []
        for part in self._quoted:
            if isinstance(part, str):
                pieces.append(part)
                continue
            try:
                text = str(part.converter.to_url(values[part.name]))
            except (ValueError, TypeError):
                return None
            if re.fullmatch(part.regex, text, re.DOTALL) is None:
                return None
            is_plain = text.isascii() and text.isalnum()  # numbers, most words: a page of links quotes nothing
            pieces.append(text if is_plain else quote(text.encode("utf-8", "replace"), safe=_UNQUOTED))
        path = "".join(pieces)
        return "/%2F" + path[2:] if path.startswith("//") else path

    def append(self, other: Pattern) -> Pattern:
        """The pattern of both, one after the other.

        Raises:
            ImproperlyConfigured: both have a parameter of the same name.
        """
        return parse(self.text + other.text)


def parse(text: str) -> Pattern:
    """The pattern that `text` describes.

    Raises:
        ImproperlyConfigured: a parameter is malformed, named twice, or of an unknown type.
    """
    parts: list[str | Parameter] = []
    braces: list[str] = []
    seen: set[str] = set()
    position = 0
    for found in _PARAMETER.finditer(text):
        if literal := text[position : found.start()]:
            parts.append(_literal(literal, text))
            braces.append(literal)
        name, kind = _name_and_type(found, text)
        if name in seen:
            raise ImproperlyConfigured(f"{text!r} uses the parameter {name!r} twice.")
        seen.add(name)
        converter = get_converter(kind, text)
        parts.append(Parameter(name, converter.regex, converter))
        braces.append(f"{{{name}:{kind}}}" if kind != "str" else f"{{{name}}}")
        position = found.end()
    if literal := text[position:]:
        parts.append(_literal(literal, text))
        braces.append(literal)
    return Pattern("".join(braces), tuple(parts))


def _literal(literal: str, text: str) -> str:
    if wrong := set("{}<>") & set(literal):
        raise ImproperlyConfigured(f"{text!r} has a stray {min(wrong)!r}; parameters look like {{name:type}}.")
    return literal


def _name_and_type(found: re.Match[str], text: str) -> tuple[str, str]:
    if found["a"] is not None:
        name, _, kind = found["a"].partition(":")
    else:
        kind, colon, name = found["b"].rpartition(":")
        kind = kind if colon else "str"
    name = name.strip()
    if not name.isidentifier():
        raise ImproperlyConfigured(f"{text!r} has a parameter named {name!r}; a name is a Python identifier.")
    return name, kind.strip() or "str"
