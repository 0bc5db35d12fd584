"""JSON: keys of a document as transforms, and how their SQL is written."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final, Self

from covet.database.orm.expressions.outputs import OutputField
from covet.database.orm.lookups.base import (
    Transform,
)
from covet.exceptions import FieldError

SQL = tuple[str, Sequence[Any]]
# What SQLite's JSON_TYPE calls the values that JSON_EXTRACT would turn into numbers or NULL.
_COMPARISONS: Final = frozenset({"exact", "in", "gt", "gte", "lt", "lte"})
_UNWRITABLE: Final = re.compile("[\0\ud800-\udfff]")
NAMED: Final = "('false','true','null')"


def quoted(text: str, vendor: str = "") -> str:
    """`text` as a literal within the SQL of an expression.

    Raises:
        FieldError: it cannot be written in SQL.
    """
    if _UNWRITABLE.search(text):
        raise FieldError(f"Cannot resolve keyword {text!r}: a key cannot have NUL or lone surrogate characters.")
    if vendor == "mysql":
        text = text.replace("\\", "\\\\")
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
    literal = quoted(json.dumps(value), vendor)
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
        return f"JSON_EXTRACT({text}, {quoted(compile_json_path(keys), 'mysql')})", params

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
            f"(CASE WHEN JSON_TYPE({text}, {path}) IN {NAMED} THEN JSON_TYPE({text}, {path}) "
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
