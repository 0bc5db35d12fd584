"""Lookups on the value under a key of a JSON document."""

from __future__ import annotations

import json
from typing import Any

from covet.database.orm.expressions.outputs import output
from covet.database.orm.lookups.base import (
    Lookup,
    known_value,
)
from covet.database.orm.lookups.comparison import (
    Exact,
    GreaterThan,
    GreaterThanOrEqual,
    In,
    IsNull,
    LessThan,
    LessThanOrEqual,
)
from covet.database.orm.lookups.json import (
    NAMED,
    SQL,
    KeyTextTransform,
    KeyTransform,
    quoted,
)
from covet.database.orm.lookups.json_documents import CaseInsensitiveMixin, HasKeyOrArrayIndex, JSONExact, PathBelow
from covet.database.orm.lookups.text import (
    EndsWith,
    IContains,
    IEndsWith,
    IExact,
    IRegex,
    IStartsWith,
    Regex,
    StartsWith,
)
from covet.database.orm.shape import Const, Param


class KeyTransformTextLookupMixin(Lookup):
    """A text lookup on a key: compares the key's text."""

    def __init__(self, key_transform: Any, *args: Any, **kwargs: Any) -> None:
        if not isinstance(key_transform, KeyTransform):
            raise TypeError("Transform should be an instance of KeyTransform in order to use this lookup.")
        as_text = KeyTextTransform(key_transform.key_name, *key_transform.source_expressions, **key_transform.extra)
        super().__init__(as_text, *args, **kwargs)


@KeyTransform.register_lookup
class KeyTransformIsNull(IsNull):
    """The key is not there, or is; JSON's null is a value."""

    def _has(self) -> HasKeyOrArrayIndex:
        return HasKeyOrArrayIndex(self.lhs.lhs, Const(self.lhs.key_name))

    def _wanted(self) -> bool:
        return bool(self.rhs.value if isinstance(self.rhs, Const) else self.rhs)

    def as_sqlite(self, compiler: Any, connection: Any) -> SQL:
        """JSON_TYPE of what is not there is NULL."""
        text, path = self._has().document_and_path(compiler, connection)
        below = quoted(PathBelow(path, positions=True)(self.lhs.key_name))
        return f"JSON_TYPE({text}, {below}) IS {'' if self._wanted() else 'NOT '}NULL", []


@KeyTransform.register_lookup
class KeyTransformIn(In):
    """The value under the key is one of several."""

    def process_rhs(self, compiler: Any, connection: Any) -> tuple[Any, list[Any]]:
        if connection.vendor == "sqlite" and isinstance(self.rhs, Param) and not self.bilateral_transforms:
            from_list = self.rhs.prep(_no_none).prep(json.dumps)
            items = compiler.bind(
                Param(from_list.index, from_list.preps, absolute=from_list.absolute), output("TextField")
            )
            return (
                f"(SELECT CASE WHEN json_each.type IN {NAMED} THEN json_each.type ELSE json_each.value END "  # noqa: S608 - no user's text
                f"FROM json_each({items}))"
            ), []
        if connection.vendor == "mysql" and isinstance(self.rhs, Param):
            clone = self.copy()
            clone.rhs = list(known_value(compiler, self.rhs))
            return clone.process_rhs(compiler, connection)
        return super().process_rhs(compiler, connection)

    def _item(self, compiler: Any, connection: Any, item: Any) -> str:
        if hasattr(item, "resolve_expression"):
            text: str = compiler.compile(item.resolve_expression(compiler.query))[0]
            return text
        if isinstance(item, Param):
            text = compiler.bind(item, self.lhs.output_field)
            return text if connection.vendor == "postgresql" else f"JSON_EXTRACT({text}, '$')"
        value = item.value if isinstance(item, Const) else item
        literal = quoted(json.dumps(value), connection.vendor)
        if connection.vendor == "postgresql":
            return f"{literal}::jsonb"
        if connection.vendor == "sqlite" and (value is None or isinstance(value, bool)):
            return literal
        text = f"JSON_EXTRACT({literal}, '$')"
        return f"JSON_UNQUOTE({text})" if connection.vendor == "mysql" else text


def _no_none(values: Any) -> list[Any]:
    return [value for value in values if value is not None]


@KeyTransform.register_lookup
class KeyTransformExact(JSONExact):
    """The value under the key is the same."""

    def process_rhs(self, compiler: Any, connection: Any) -> tuple[Any, list[Any]]:
        if isinstance(self.rhs, KeyTransform):
            return super(Exact, self).process_rhs(compiler, connection)
        text, params = super().process_rhs(compiler, connection)
        extracted = isinstance(self.rhs, Param) or (isinstance(self.rhs, Const) and _is_extracted(self.rhs.value))
        return (f"JSON_EXTRACT({text}, '$')" if extracted and connection.vendor == "sqlite" else text), params

    def as_sql(self, compiler: Any, connection: Any) -> SQL:
        # A boolean under a key is no boolean column: it is always compared.
        return super(Exact, self).as_sql(compiler, connection)


def _is_extracted(value: Any) -> bool:
    return not (value is None or isinstance(value, bool))


@KeyTransform.register_lookup
class KeyTransformIExact(CaseInsensitiveMixin, KeyTransformTextLookupMixin, IExact):
    """Its text is equal apart from case."""


@KeyTransform.register_lookup
class KeyTransformIContains(CaseInsensitiveMixin, KeyTransformTextLookupMixin, IContains):
    """Its text holds the text, apart from case."""


@KeyTransform.register_lookup
class KeyTransformStartsWith(KeyTransformTextLookupMixin, StartsWith):
    """Its text begins with the text."""


@KeyTransform.register_lookup
class KeyTransformIStartsWith(CaseInsensitiveMixin, KeyTransformTextLookupMixin, IStartsWith):
    """Its text begins with the text, apart from case."""


@KeyTransform.register_lookup
class KeyTransformEndsWith(KeyTransformTextLookupMixin, EndsWith):
    """Its text ends with the text."""


@KeyTransform.register_lookup
class KeyTransformIEndsWith(CaseInsensitiveMixin, KeyTransformTextLookupMixin, IEndsWith):
    """Its text ends with the text, apart from case."""


@KeyTransform.register_lookup
class KeyTransformRegex(KeyTransformTextLookupMixin, Regex):
    """Its text matches the regular expression."""


@KeyTransform.register_lookup
class KeyTransformIRegex(CaseInsensitiveMixin, KeyTransformTextLookupMixin, IRegex):
    """Its text matches the regular expression, apart from case."""


class KeyTransformNumericLookupMixin(Lookup):
    """An ordering of the value under a key; where JSON is text, the plain value is compared."""

    def process_rhs(self, compiler: Any, connection: Any) -> tuple[Any, list[Any]]:
        if connection.vendor == "postgresql" or not isinstance(self.rhs, Param):
            return super().process_rhs(compiler, connection)
        return compiler.bind(self.rhs), []


@KeyTransform.register_lookup
class KeyTransformLt(KeyTransformNumericLookupMixin, LessThan):
    """The value is less."""


@KeyTransform.register_lookup
class KeyTransformLte(KeyTransformNumericLookupMixin, LessThanOrEqual):
    """The value is less or equal."""


@KeyTransform.register_lookup
class KeyTransformGt(KeyTransformNumericLookupMixin, GreaterThan):
    """The value is greater."""


@KeyTransform.register_lookup
class KeyTransformGte(KeyTransformNumericLookupMixin, GreaterThanOrEqual):
    """The value is greater or equal."""
