"""Text lookups: contains and its family, regular expressions, equality apart from case."""

from __future__ import annotations

import functools
from typing import Any

from covet.database.orm.expressions.identity import per_class
from covet.database.orm.expressions.late import late
from covet.database.orm.expressions.operators import PATTERN_ESCAPE, PATTERN_OPERATORS
from covet.database.orm.expressions.outputs import output
from covet.database.orm.lookups.base import BuiltinLookup
from covet.database.orm.lookups.registry import builtin
from covet.database.orm.shape import Const, is_slot


def escape_like(value: Any) -> str:
    """`value` as text whose LIKE wildcards stand for themselves."""
    return str(value).replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")


@functools.cache
def pattern_of(template: str) -> Any:
    """The preparation that puts escaped text into `template`; one object a template, so that keys are equal."""
    return lambda value: template % escape_like(value)


class TextLookup(BuiltinLookup):
    """A lookup whose right side is text whatever the column is."""

    prepare_rhs = False

    def prepared(self, connection: Any) -> Any:
        """The slot of the right side as the operator takes it."""
        del connection
        return (self.rhs if is_slot(self.rhs) else Const(self.rhs)).prep(_text)

    def process_rhs(self, compiler: Any, connection: Any) -> tuple[Any, list[Any]]:
        if not self.rhs_is_direct_value() or self.bilateral_transforms or _custom(type(self)):
            return super().process_rhs(compiler, connection)
        return compiler.bind(self.prepared(connection), output("TextField")), []


@per_class
def _custom(cls: Any) -> bool:
    return not cls.get_db_prep_lookup.__module__.startswith("covet.") or not cls.plannable


def _text(value: Any) -> Any:
    return value if isinstance(value, str) else str(value)


@builtin("Field")
class IExact(TextLookup):
    """Equal apart from case."""

    lookup_name = "iexact"

    def prepared(self, connection: Any) -> Any:
        if connection.vendor == "postgresql":
            return super().prepared(connection)
        # There it is a LIKE without wildcards.
        return (self.rhs if is_slot(self.rhs) else Const(self.rhs)).prep(escape_like)


class PatternLookup(TextLookup):
    """A LIKE; `param_pattern` says where the text stands in the pattern."""

    param_pattern = "%%%s%%"

    def prepared(self, connection: Any) -> Any:
        del connection
        return (self.rhs if is_slot(self.rhs) else Const(self.rhs)).prep(pattern_of(self.param_pattern))

    def get_rhs_op(self, connection: Any, rhs: Any) -> str:
        if self.rhs_is_direct_value() and not self.bilateral_transforms:
            return super().get_rhs_op(connection, rhs)
        vendor = connection.vendor
        return PATTERN_OPERATORS[vendor][self.lookup_name].format(PATTERN_ESCAPE[vendor]).format(rhs)


@builtin("Field")
class Contains(PatternLookup):
    """Holds the text."""

    lookup_name = "contains"


@builtin("Field")
class IContains(Contains):
    """Holds the text, apart from case."""

    lookup_name = "icontains"


@builtin("Field")
class StartsWith(PatternLookup):
    """Begins with the text."""

    lookup_name = "startswith"
    param_pattern = "%s%%"


@builtin("Field")
class IStartsWith(StartsWith):
    """Begins with the text, apart from case."""

    lookup_name = "istartswith"


@builtin("Field")
class EndsWith(PatternLookup):
    """Ends with the text."""

    lookup_name = "endswith"
    param_pattern = "%%%s"


@builtin("Field")
class IEndsWith(EndsWith):
    """Ends with the text, apart from case."""

    lookup_name = "iendswith"


@builtin("Field")
class Regex(TextLookup):
    """Matches the regular expression."""

    lookup_name = "regex"


@builtin("Field")
class IRegex(Regex):
    """Matches the regular expression, apart from case."""

    lookup_name = "iregex"


class UUIDTextMixin(TextLookup):
    """Text lookups on a UUID: where it is stored as 32 digits, hyphens do not count."""

    def process_rhs(self, compiler: Any, connection: Any) -> tuple[Any, list[Any]]:
        if getattr(connection.features, "has_native_uuid_field", connection.vendor == "postgresql"):
            return super().process_rhs(compiler, connection)
        clone = self.copy()
        if self.rhs_is_direct_value():
            clone.rhs = (self.rhs if is_slot(self.rhs) else Const(self.rhs)).prep(_without_hyphens)
            return TextLookup.process_rhs(clone, compiler, connection)
        clone.rhs = late.without_hyphens(self.rhs)
        return TextLookup.process_rhs(clone, compiler, connection)


def _without_hyphens(value: Any) -> str:
    return str(value).replace("-", "")


@builtin("UUIDField")
class UUIDIExact(UUIDTextMixin, IExact):
    """Equal apart from case and hyphens."""


@builtin("UUIDField")
class UUIDContains(UUIDTextMixin, Contains):
    """Holds the text."""


@builtin("UUIDField")
class UUIDIContains(UUIDTextMixin, IContains):
    """Holds the text, apart from case."""


@builtin("UUIDField")
class UUIDStartsWith(UUIDTextMixin, StartsWith):
    """Begins with the text."""


@builtin("UUIDField")
class UUIDIStartsWith(UUIDTextMixin, IStartsWith):
    """Begins with the text, apart from case."""


@builtin("UUIDField")
class UUIDEndsWith(UUIDTextMixin, EndsWith):
    """Ends with the text."""


@builtin("UUIDField")
class UUIDIEndsWith(UUIDTextMixin, IEndsWith):
    """Ends with the text, apart from case."""
