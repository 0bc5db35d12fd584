"""Lookups on whole JSON documents: containment, keys, equality."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from covet.database.orm.expressions.outputs import output
from covet.database.orm.lookups.base import (
    FieldGetDbPrepValueMixin,
    Lookup,
    PostgresOperatorLookup,
    is_direct,
    known_value,
)
from covet.database.orm.lookups.comparison import (
    Exact,
)
from covet.database.orm.lookups.json import (
    SQL,
    KeyTransform,
    compile_json_path,
    json_constant,
    quoted,
)
from covet.database.orm.lookups.registry import builtin
from covet.database.orm.lookups.text import (
    IContains,
)
from covet.database.orm.shape import Const, ListParam, Param, is_slot
from covet.exceptions import NotSupportedError


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
            return has(text, quoted(PathBelow(full, positions=self.positions)(last), connection.vendor))
        below = PathBelow(path, positions=self.positions)
        if isinstance(value, Param):
            return has(text, compiler.bind(value.prep(below), output("TextField")))
        return has(text, quoted(below(value.value if isinstance(value, Const) else value), connection.vendor))

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
