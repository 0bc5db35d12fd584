"""Lookups and transforms of hstore."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from covet.database.orm.expressions.outputs import OutputField, field_class, output
from covet.database.orm.lookups.base import PostgresOperatorLookup, Transform
from covet.database.orm.lookups.json import quoted
from covet.database.orm.lookups.registry import builtin
from covet.database.orm.postgres.lookups import ContainedBy, DataContains
from covet.database.orm.shape import Const, ListParam, Param, is_slot

SQL = tuple[str, Sequence[Any]]


@builtin("HStoreField")
class HStoreContains(DataContains):
    """Has these keys with these values."""


@builtin("HStoreField")
class HStoreContainedBy(ContainedBy):
    """Has no other keys and values."""


class _HStoreKeys(PostgresOperatorLookup):
    prepare_rhs = False

    def process_rhs(self, compiler: Any, connection: Any) -> tuple[Any, list[Any]]:
        if not self.rhs_is_direct_value():
            return super().process_rhs(compiler, connection)
        slot = self.rhs if is_slot(self.rhs) else Const(self.rhs)
        if isinstance(slot, Param):
            listed = ListParam(slot.index, slot.preps, absolute=slot.absolute).each(str).whole()
            return compiler.bind(listed, postgresql.ARRAY(sa.Text())), []
        return compiler.bind(Const([str(item) for item in slot.value]), postgresql.ARRAY(sa.Text())), []


@builtin("HStoreField")
class HStoreHasKey(PostgresOperatorLookup):
    """Has the key."""

    lookup_name = "has_key"
    postgres_operator = "?"
    prepare_rhs = False

    def process_rhs(self, compiler: Any, connection: Any) -> tuple[Any, list[Any]]:
        if not self.rhs_is_direct_value():
            return super().process_rhs(compiler, connection)
        slot = self.rhs if is_slot(self.rhs) else Const(self.rhs)
        return compiler.bind(slot.prep(str), sa.Text()), []


@builtin("HStoreField")
class HStoreHasKeys(_HStoreKeys):
    """Has all the keys."""

    lookup_name = "has_keys"
    postgres_operator = "?&"


@builtin("HStoreField")
class HStoreHasAnyKeys(_HStoreKeys):
    """Has one of the keys."""

    lookup_name = "has_any_keys"
    postgres_operator = "?|"


class KeyTransform(Transform):
    """The value under a key of an hstore."""

    output_field = OutputField("TextField")

    def __init__(self, key_name: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.key_name = key_name

    def as_sql(self, compiler: Any, connection: Any) -> SQL:  # type: ignore[override]
        text, params = compiler.compile(self.lhs)
        return f"({text} -> {quoted(str(self.key_name))})", params


class KeyTransformFactory:
    """Makes the transform of one key."""

    def __init__(self, key_name: str) -> None:
        self.key_name = key_name

    def __call__(self, *args: Any, **kwargs: Any) -> KeyTransform:
        return KeyTransform(self.key_name, *args, **kwargs)


class _ToTextArray(Transform):
    def _resolve_output_field(self) -> Any:
        return field_class("ArrayField")(output("TextField"))


@builtin("HStoreField")
class KeysTransform(_ToTextArray):
    """The keys."""

    lookup_name = "keys"
    function = "akeys"


@builtin("HStoreField")
class ValuesTransform(_ToTextArray):
    """The values."""

    lookup_name = "values"
    function = "avals"
