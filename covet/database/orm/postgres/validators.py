"""Validators of PostgreSQL's fields: how many items, which keys, how far a range reaches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from covet.exceptions import ValidationError
from covet.utils import validators as checks
from covet.utils.deconstruct import deconstructible
from covet.utils.translation import gettext_lazy as _
from covet.utils.translation import ngettext_lazy


@deconstructible
class ArrayMaxLengthValidator(checks.MaxLengthValidator):
    """Refuses lists with more items than the limit."""

    message = ngettext_lazy(
        "List contains %(show_value)d item, it should contain no more than %(limit_value)d.",
        "List contains %(show_value)d items, it should contain no more than %(limit_value)d.",
        "show_value",
    )


@deconstructible
class ArrayMinLengthValidator(checks.MinLengthValidator):
    """Refuses lists with fewer items than the limit."""

    message = ngettext_lazy(
        "List contains %(show_value)d item, it should contain no fewer than %(limit_value)d.",
        "List contains %(show_value)d items, it should contain no fewer than %(limit_value)d.",
        "show_value",
    )


@deconstructible
class KeysValidator:
    """Refuses mappings that lack some keys or, when strict, have others.

    Args:
        keys: the keys that must be there.
        strict: whether no others may be.
        messages: texts that replace the default ones, by code.
    """

    messages = {
        "missing_keys": _("Some keys were missing: %(keys)s"),
        "extra_keys": _("Some unknown keys were provided: %(keys)s"),
    }

    def __init__(self, keys: Iterable[str], strict: bool = False, messages: dict[str, Any] | None = None) -> None:
        self.keys = set(keys)
        self.strict = strict
        if messages is not None:
            self.messages = {**self.messages, **messages}

    def __call__(self, value: dict[str, Any]) -> None:
        given = set(value.keys())
        for code, names in (("missing_keys", self.keys - given), ("extra_keys", given - self.keys)):
            if names and (code == "missing_keys" or self.strict):
                listed = ", ".join(sorted(names))
                raise ValidationError(self.messages[code], code=code, params={"keys": listed})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KeysValidator) and (self.keys, self.messages, self.strict) == (
            other.keys,
            other.messages,
            other.strict,
        )

    def __hash__(self) -> int:
        return hash((frozenset(self.keys), self.strict))


@deconstructible
class RangeMaxValueValidator(checks.MaxValueValidator):
    """Refuses ranges that reach above the limit."""

    message = _("Ensure that the upper bound of the range is not greater than %(limit_value)s.")

    def compare(self, a: Any, b: Any) -> bool:
        return a.upper is None or bool(a.upper > b)


@deconstructible
class RangeMinValueValidator(checks.MinValueValidator):
    """Refuses ranges that reach below the limit."""

    message = _("Ensure that the lower bound of the range is not less than %(limit_value)s.")

    def compare(self, a: Any, b: Any) -> bool:
        return a.lower is None or bool(a.lower < b)
