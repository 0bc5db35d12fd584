"""JSON: keys as transforms, and lookups on documents."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final, Self

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from covet.database.orm.expressions.outputs import OutputField, output
from covet.database.orm.lookups.base import (
    FieldGetDbPrepValueMixin,
    Lookup,
    PostgresOperatorLookup,
    Transform,
    is_direct,
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
from covet.database.orm.lookups.registry import builtin
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
from covet.database.orm.shape import Const, ListParam, Param, is_slot
from covet.exceptions import NotSupportedError

SQL = tuple[str, Sequence[Any]]
# What SQLite's JSON_TYPE calls the values that JSON_EXTRACT would turn into numbers or NULL.
_COMPARISONS: Final = frozenset({"exact", "in", "gt", "gte", "lt", "lte"})
_NAMED: Final = "('false','true','null')"


def quoted(text: str) -> str:
    """`text` as a literal within the SQL of an expression."""
    return "'" + text.replace("'", "''").replace("%", "%%") + "'"


def compile_json_path(keys: Sequence[Any], include_root: bool = True) -> str:
    """The path expression of `keys`: numbers are array positions."""
    path = ["$"] if include_root else []
    for key in keys:
        try:
            path.append(f"[{int(key)}]")
        except ValueError:
            path.append(f".{json.dumps(key)}")
    return "".join(path)


def json_constant(vendor: str, value: Any) -> str:
    """The SQL of a document that is part of the query's shape."""
    literal = quoted(json.dumps(value))
    if vendor == "postgresql":
        return f"{literal}::jsonb"
    return f"JSON_EXTRACT({literal}, '$')" if vendor == "mysql" else literal


class KeyTransform(Transform):
    """The value under a key (or at a position) of a document."""

    postgres_operator = "->"
    postgres_nested_operator = "#>"

    def __init__(self, key_name: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.key_name = str(key_name)

    def preprocess_lhs(self, compiler: Any, connection: Any) -> tuple[str, list[Any], list[str]]:
        """The SQL of the document, its parameters, and the keys from the outermost on."""
        del connection
        keys = [self.key_name]
        previous = self.lhs
        while isinstance(previous, KeyTransform):
            keys.insert(0, previous.key_name)
            previous = previous.lhs
        text, params = compiler.compile(previous)
        return text, list(params), keys

    def as_mysql(self, compiler: Any, connection: Any) -> SQL:
        """JSON_EXTRACT."""
        text, params, keys = self.preprocess_lhs(compiler, connection)
        return f"JSON_EXTRACT({text}, {quoted(compile_json_path(keys))})", params

    def as_postgresql(self, compiler: Any, connection: Any) -> SQL:
        """The operator for one key, or for a path."""
        text, params, keys = self.preprocess_lhs(compiler, connection)
        if len(keys) > 1:
            path = ", ".join(quoted(key) for key in keys)
            return f"({text} {self.postgres_nested_operator} ARRAY[{path}]::text[])", params
        try:
            key = str(int(self.key_name))
        except ValueError:
            key = quoted(self.key_name)
        return f"({text} {self.postgres_operator} {key})", params

    def as_sqlite(self, compiler: Any, connection: Any, **extra_context: Any) -> SQL:
        """JSON_EXTRACT, except for what it would not tell from numbers and NULL."""
        text, params, keys = self.preprocess_lhs(compiler, connection)
        path = quoted(compile_json_path(keys))
        return (
            f"(CASE WHEN JSON_TYPE({text}, {path}) IN {_NAMED} THEN JSON_TYPE({text}, {path}) "
            f"ELSE JSON_EXTRACT({text}, {path}) END)"
        ), params * 3


class KeyTextTransform(KeyTransform):
    """The value under a key, as text."""

    postgres_operator = "->>"
    postgres_nested_operator = "#>>"
    output_field = OutputField("TextField")

    def as_mysql(self, compiler: Any, connection: Any) -> SQL:
        """Unquoted."""
        text, params = super().as_mysql(compiler, connection)
        return f"JSON_UNQUOTE({text})", params

    def get_lookup(self, lookup_name: str) -> Any:
        """Text is compared as text; only whether the key is there is the document's matter."""
        if lookup_name in _COMPARISONS:
            return self.output_field.get_lookup(lookup_name)
        return super().get_lookup(lookup_name)

    @classmethod
    def from_lookup(cls, lookup: str) -> Self:
        """`KT('data__key__0')`: the transform of a path.

        Raises:
            ValueError: the path has no key.
        """
        transform: Any
        transform, *keys = lookup.split("__")
        if not keys:
            raise ValueError("Lookup must contain key or index transforms.")
        for key in keys:
            transform = cls(key, transform)
        return transform  # type: ignore[no-any-return]


KT = KeyTextTransform.from_lookup


class KeyTransformFactory:
    """Makes the transform of one key; what a JSON field gives for a name that is no lookup."""

    def __init__(self, key_name: str) -> None:
        self.key_name = key_name

    def __call__(self, *args: Any, **kwargs: Any) -> KeyTransform:
        return KeyTransform(self.key_name, *args, **kwargs)


class _Document(FieldGetDbPrepValueMixin, PostgresOperatorLookup):
    """Compares whole documents."""

    def get_prep_lookup(self) -> Any:
        if isinstance(self.rhs, ListParam):
            self.rhs = self.rhs.whole()
        return super().get_prep_lookup()

    def process_rhs(self, compiler: Any, connection: Any) -> tuple[Any, list[Any]]:
        if isinstance(self.rhs, Const):
            return json_constant(connection.vendor, self.rhs.value), []
        if isinstance(self.rhs, Param):
            return compiler.bind(self.rhs, output("JSONField") if _is_key(self.lhs) else self.lhs.output_field), []
        return super().process_rhs(compiler, connection)


def _is_key(expression: Any) -> bool:
    return isinstance(expression, KeyTransform)


@builtin("JSONField")
class DataContains(_Document):
    """The document contains the other one."""

    lookup_name = "contains"
    postgres_operator = "@>"

    def as_sql(self, compiler: Any, connection: Any) -> SQL:
        if connection.vendor == "sqlite":
            raise NotSupportedError("contains lookup is not supported on this database backend.")
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        return f"JSON_CONTAINS({left}, {right})", [*left_params, *right_params]


@builtin("JSONField")
class ContainedBy(_Document):
    """The other document contains this one."""

    lookup_name = "contained_by"
    postgres_operator = "<@"

    def as_sql(self, compiler: Any, connection: Any) -> SQL:
        if connection.vendor == "sqlite":
            raise NotSupportedError("contained_by lookup is not supported on this database backend.")
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        return f"JSON_CONTAINS({right}, {left})", [*right_params, *left_params]


class PathBelow:
    """Turns a key into its path below `prefix`; positions count as keys unless told."""

    __slots__ = ("positions", "prefix")

    def __init__(self, prefix: str, *, positions: bool) -> None:
        self.prefix = prefix
        self.positions = positions

    def __call__(self, key: Any) -> str:
        if self.positions:
            return self.prefix + compile_json_path([key], include_root=False)
        return f"{self.prefix}.{json.dumps(str(key))}"


class HasKeyLookup(PostgresOperatorLookup):
    """The document has one key, or several."""

    prepare_rhs = False
    several = False
    all_needed = True
    positions = False

    def get_prep_lookup(self) -> Any:
        return self.rhs

    def document_and_path(self, compiler: Any, connection: Any) -> tuple[str, str]:
        """The SQL of the document and the path of the left side in it."""
        if isinstance(self.lhs, KeyTransform):
            text, _, keys = self.lhs.preprocess_lhs(compiler, connection)
            return text, compile_json_path(keys)
        return self.process_lhs(compiler, connection)[0], "$"

    def _each(self, compiler: Any, connection: Any, has: Callable[[str, str], str], value: Any) -> str:
        """The condition on one key, given as a slot, a value or another document's key."""
        text, path = self.document_and_path(compiler, connection)
        if isinstance(value, KeyTransform):
            *_, keys = value.preprocess_lhs(compiler, connection)
            *before, last = keys
            full = path + compile_json_path(before, include_root=False)
            return has(text, quoted(PathBelow(full, positions=self.positions)(last)))
        below = PathBelow(path, positions=self.positions)
        if isinstance(value, Param):
            return has(text, compiler.bind(value.prep(below), output("TextField")))
        return has(text, quoted(below(value.value if isinstance(value, Const) else value)))

    def _combined(self, compiler: Any, connection: Any, has: Callable[[str, str], str]) -> str:
        rhs = self.rhs.value if isinstance(self.rhs, Const) else self.rhs
        if not self.several:
            return self._each(compiler, connection, has, rhs)
        joiner = " AND " if self.all_needed else " OR "
        return f"({joiner.join(self._each(compiler, connection, has, item) for item in rhs)})"

    def as_mysql(self, compiler: Any, connection: Any) -> SQL:
        """JSON_CONTAINS_PATH for each key; how many there are must be known."""
        if self.several and isinstance(self.rhs, Param):
            clone = self.copy()
            clone.rhs = list(known_value(compiler, self.rhs))
            return clone.as_mysql(compiler, connection)
        return self._combined(compiler, connection, lambda text, path: f"JSON_CONTAINS_PATH({text}, 'one', {path})"), []

    def as_sqlite(self, compiler: Any, connection: Any) -> SQL:
        """JSON_TYPE, over the list of paths where there are several."""
        if self.several and isinstance(self.rhs, Param):
            text, path = self.document_and_path(compiler, connection)
            below = PathBelow(path, positions=self.positions)
            listed = ListParam(self.rhs.index, self.rhs.preps, absolute=self.rhs.absolute)
            paths = compiler.bind(listed.each(below).whole().prep(json.dumps), output("TextField"))
            found = f"JSON_TYPE({text}, json_each.value) IS"
            if self.all_needed:
                return f"NOT EXISTS(SELECT 1 FROM json_each({paths}) WHERE {found} NULL)", []  # noqa: S608 - no user's text
            return f"EXISTS(SELECT 1 FROM json_each({paths}) WHERE {found} NOT NULL)", []  # noqa: S608 - no user's text
        return self._combined(compiler, connection, lambda text, path: f"JSON_TYPE({text}, {path}) IS NOT NULL"), []

    def as_postgresql(self, compiler: Any, connection: Any) -> SQL:
        if isinstance(self.rhs, KeyTransform):
            *_, keys = self.rhs.preprocess_lhs(compiler, connection)
            clone = self.copy()
            for key in keys[:-1]:
                clone.lhs = KeyTransform(key, clone.lhs)
            clone.rhs = Const(keys[-1])
            return clone.as_postgresql(compiler, connection)
        text, params = self.process_lhs(compiler, connection)
        if not is_direct(self.rhs):
            return super().as_postgresql(compiler, connection)
        slot = self.rhs if is_slot(self.rhs) else Const(self.rhs)
        if self.several:
            slot = (
                ListParam(slot.index, slot.preps, absolute=slot.absolute).each(str).whole()
                if isinstance(slot, Param)
                else Const([str(item) for item in slot.value])
            )
            right = compiler.bind(slot, postgresql.ARRAY(sa.Text()))
        else:
            right = compiler.bind(slot.prep(str), output("TextField"))
        return f"{text} {self.postgres_operator} {right}", params


@builtin("JSONField")
class HasKey(HasKeyLookup):
    """It has the key."""

    lookup_name = "has_key"
    postgres_operator = "?"


@builtin("JSONField")
class HasKeys(HasKeyLookup):
    """It has all the keys."""

    lookup_name = "has_keys"
    postgres_operator = "?&"
    several = True


@builtin("JSONField")
class HasAnyKeys(HasKeys):
    """It has one of the keys."""

    lookup_name = "has_any_keys"
    postgres_operator = "?|"
    all_needed = False


class HasKeyOrArrayIndex(HasKey):
    """It has the key, or, for a number, the position."""

    positions = True


class CaseInsensitiveMixin(Lookup):
    """MySQL compares text within JSON with its case, so both sides are lowered."""

    def process_lhs(self, compiler: Any, connection: Any, lhs: Any = None) -> tuple[str, list[Any]]:
        text, params = super().process_lhs(compiler, connection, lhs)
        return (f"LOWER({text})" if connection.vendor == "mysql" else text), params

    def process_rhs(self, compiler: Any, connection: Any) -> tuple[Any, list[Any]]:
        text, params = super().process_rhs(compiler, connection)
        return (f"LOWER({text})" if connection.vendor == "mysql" else text), params


@builtin("JSONField")
class JSONExact(Exact):
    """The same document; None is JSON's null."""

    can_use_none_as_rhs = True

    def get_prep_lookup(self) -> Any:
        if isinstance(self.rhs, ListParam):
            self.rhs = self.rhs.whole()
        return super().get_prep_lookup()

    def process_rhs(self, compiler: Any, connection: Any) -> tuple[Any, list[Any]]:
        if isinstance(self.rhs, Const) and not self.bilateral_transforms:
            return json_constant(connection.vendor, self.rhs.value), []
        text, params = super().process_rhs(compiler, connection)
        if connection.vendor == "mysql" and isinstance(self.rhs, Param):
            text = f"JSON_EXTRACT({text}, '$')"
        return text, params


@builtin("JSONField")
class JSONIContains(CaseInsensitiveMixin, IContains):
    """Its text holds the text, apart from case."""


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
                f"(SELECT CASE WHEN json_each.type IN {_NAMED} THEN json_each.type ELSE json_each.value END "  # noqa: S608 - no user's text
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
        literal = quoted(json.dumps(value))
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
