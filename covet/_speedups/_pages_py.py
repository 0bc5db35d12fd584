"""What a template does for each value that it shows: the reference twin of `pages.pyx`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def escaping(escape_text: Callable[[str], str], escape: Callable[[Any], str]) -> Callable[[Any], str]:
    """A function that gives the text of a value in a page.

    Args:
        escape_text: for a plain str.
        escape: for every other value but an int.
    """

    def escaped(value: Any) -> str:
        kind = type(value)
        if kind is str:
            return escape_text(value)
        if kind is int:
            return str(value)
        return escape(value)

    return escaped


def reading(
    plain: frozenset[type[Any]], missing: Callable[[Any, Any, str], Any], waited: Callable[[Any], Any]
) -> Callable[[Any, Any, str], Any]:
    """A method `read(environment, obj, attribute)` that gives an attribute's value.

    Args:
        plain: types of values that are returned as they are.
        missing: called with the same arguments where `obj` has no such attribute.
        waited: called with every value that is not plain.
    """

    def read(environment: Any, obj: Any, attribute: str) -> Any:
        try:
            value = getattr(obj, attribute)
        except AttributeError:
            value = missing(environment, obj, attribute)
        return value if type(value) in plain else waited(value)

    return read
