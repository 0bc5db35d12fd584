"""Write plans: INSERT and UPDATE of one row, compiled once for each model, database and set of fields.

Saving runs them; they never look at a value except to convert it for the driver.
"""

from __future__ import annotations

import copy
import datetime
import decimal
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import sqlalchemy as sa

from covet.conf import settings
from covet.database.orm.plan import on_invalidate
from covet.database.orm.shape import PLAIN
from covet.database.orm.types import Vendor, overrides

Converter = Callable[[Any], Any]

SIMPLE: Final = PLAIN | {type(None), bool}
"""Types of values that are neither expressions nor awaitable."""

_TIME_SETTINGS: Final = frozenset({"USE_TZ", "TIME_ZONE"})
_WRITES: Final = "_covet_writes"


class WritePlan:
    """One compiled statement.

    Attributes:
        sql: its text in the driver's parameter style.
        returning: for every returned column, the attribute it goes to and its conversion.
    """

    __slots__ = ("_binders", "_natives", "_order", "returning", "sql")

    def __init__(
        self,
        sql: str,
        order: Sequence[int],
        binders: Sequence[Converter],
        natives: Sequence[type[Any] | None],
        returning: Sequence[tuple[str, Converter | None]] = (),
    ) -> None:
        self.sql = sql
        self.returning = tuple(returning)
        self._order = None if list(order) == list(range(len(binders))) else tuple(order)
        self._binders = tuple(binders)
        self._natives = tuple(natives)

    def arguments(self, values: Sequence[Any]) -> list[Any]:
        """The driver's arguments for `values`, given in the order of the plan's fields."""
        bound = [
            value if type(value) is native else bind(value)
            for value, native, bind in zip(values, self._natives, self._binders, strict=True)
        ]
        return bound if self._order is None else [bound[position] for position in self._order]


class Selection:
    """Fields that are written together, as saving goes through them.

    Attributes:
        fields: the fields. attnames: their attributes.
        steps: for each, its attribute and its `pre_save` (None where that only reads the attribute).
        plans: the compiled statement by adapter. They are not kept by alias: tests and scripts point an
            alias at another database.
    """

    __slots__ = ("attnames", "fields", "plans", "steps")

    def __init__(self, fields: Sequence[Any]) -> None:
        self.fields = tuple(fields)
        self.attnames = frozenset(field.attname for field in fields)
        self.steps = tuple((field.attname, _hook(field)) for field in fields)
        self.plans: dict[Any, WritePlan] = {}

    def values(self, instance: Any, *, add: bool, raw: bool) -> tuple[list[Any], bool]:
        """What `instance` stores, and whether all of it is plain: no expression, nothing to await."""
        held = instance.__dict__
        found: list[Any] = []
        is_plain = True
        for attname, hook in self.steps:
            if hook is not None and not raw:
                value = hook(instance, add)
            elif attname in held:
                value = held[attname]
            else:
                value = getattr(instance, attname)
            if type(value) not in SIMPLE:
                is_plain = False
            found.append(value)
        return found, is_plain


class Writes:
    """The write plans of one model, and what saving needs to know of its fields.

    Attributes:
        fields: the concrete, not generated fields of the model's own table.
        key: the fields of the primary key.
        epoch: the generation of settings that the plans were made under.
        has_placeholders: some field wraps its parameter in SQL, which only the QuerySet's compiler does.
        names: what `update_fields` may name.
        attnames: the attributes that an instance has when none of its fields is deferred.
        full, keyless: what an INSERT stores, with the key and without.
        generated: the columns that the database computes.
    """

    __slots__ = (
        "_inserts",
        "_updates",
        "attnames",
        "epoch",
        "fields",
        "full",
        "generated",
        "has_placeholders",
        "key",
        "keyless",
        "model",
        "names",
        "pk",
    )

    def __init__(self, model: Any) -> None:
        meta = model._meta
        self.model = model
        self.pk = meta.pk
        self.fields = tuple(field for field in meta.local_concrete_fields if not getattr(field, "generated", False))
        self.generated = tuple(field for field in meta.local_concrete_fields if getattr(field, "generated", False))
        self.epoch = _epoch[0]
        self.has_placeholders = any(hasattr(field, "get_placeholder") for field in self.fields)
        # One field, or the several of a composite key.
        self.key = tuple(meta.pk_fields)
        concrete = [field for field in meta.concrete_fields if not getattr(field, "generated", False)]
        self.attnames = frozenset(field.attname for field in concrete)
        others = [field for field in meta.concrete_fields if field not in self.key and not field.primary_key]
        self.names = frozenset(name for field in others for name in (field.name, field.attname))
        self.full = Selection(self.fields)
        self.keyless = Selection([field for field in self.fields if field is not self.pk])
        self._inserts: dict[Any, WritePlan] = {}
        self._updates: dict[frozenset[str] | None, Selection] = {}

    def updated(self, names: frozenset[str] | None) -> Selection:
        """What an UPDATE of the named fields (None: of all) stores."""
        selection = self._updates.get(names)
        if selection is None:
            selection = self._updates[names] = Selection(
                [
                    field
                    for field in self.fields
                    if not field.primary_key
                    and field not in self.key
                    and (names is None or field.name in names or field.attname in names)
                ]
            )
        return selection

    def standard_insert(self, adapter: Any, selection: Selection) -> WritePlan:
        """The plan that inserts a row with all of its values, but perhaps the key."""
        plan = selection.plans.get(adapter)
        if plan is None:
            returning = self.generated if selection is self.full else (self.pk, *self.generated)
            plan = selection.plans[adapter] = self._compile_insert(adapter, selection.fields, returning)
        return plan

    def insert(self, adapter: Any, fields: tuple[Any, ...], returning: tuple[Any, ...]) -> WritePlan:
        """The plan that inserts a row of `fields` and answers with `returning`."""
        key = (adapter, tuple([field.attname for field in fields]), len(returning))
        plan = self._inserts.get(key)
        if plan is None:
            plan = self._inserts[key] = self._compile_insert(adapter, fields, returning)
        return plan

    def update(self, adapter: Any, selection: Selection) -> WritePlan:
        """The plan that sets the selected fields in the row of a primary key, whose values come last."""
        plan = selection.plans.get(adapter)
        if plan is None:
            plan = selection.plans[adapter] = self._compile_update(adapter, selection.fields)
        return plan

    def _compile_insert(self, adapter: Any, fields: tuple[Any, ...], returning: tuple[Any, ...]) -> WritePlan:
        table = self.model.table
        values = {field.column: _slot(position, field) for position, field in enumerate(fields)}
        statement: Any = sa.insert(table).values(values).inline()
        if returning and adapter.features.has_returning:
            statement = statement.returning(*(table.c[field.column] for field in returning))
        return _plan(adapter, statement, fields, returning)

    def _compile_update(self, adapter: Any, fields: tuple[Any, ...]) -> WritePlan:
        table = self.model.table
        values = {table.c[field.column]: _slot(position, field) for position, field in enumerate(fields)}
        row = [table.c[part.column] == _slot(position, part) for position, part in enumerate(self.key, len(fields))]
        return _plan(adapter, sa.update(table).values(values).where(*row).inline(), (*fields, *self.key))


def writes_of(model: Any) -> Writes:
    """The plans of `model`, made anew after a setting that they depend on has changed."""
    writes: Writes | None = model.__dict__.get(_WRITES)
    if writes is None or writes.epoch != _epoch[0]:
        writes = Writes(model)
        setattr(model, _WRITES, writes)
    return writes


def is_expression(value: Any) -> bool:
    """Whether `value` is computed by the database, so that no plan of plain values fits."""
    if value is None or type(value) in PLAIN:
        return False
    return hasattr(value, "resolve_expression") and not isinstance(value, type)


def loader(field: Any, adapter: Any) -> Converter | None:
    """The conversion of a value that the driver returned for `field`; None when there is none."""
    dialect = adapter.dialect
    kind = field.sa_type()
    process = kind.dialect_impl(dialect).result_processor(dialect, None)
    custom = getattr(field, "from_db_value", None)
    if custom is None:
        return process  # type: ignore[no-any-return]
    if process is None:
        return lambda value: custom(value, None, adapter)
    return lambda value: custom(process(value), None, adapter)


def binder(field: Any, adapter: Any) -> Converter:
    """The conversion of a Python value of `field` for the driver."""
    if overrides(field, "get_db_prep_save"):
        connection = Vendor(adapter.vendor)
        return lambda value: field.get_db_prep_save(value, connection)
    dialect = adapter.dialect
    process = field.sa_type().dialect_impl(dialect).bind_processor(dialect)
    prepare: Converter = field.get_prep_value
    if process is None:
        return prepare
    return lambda value: process(prepare(value))


def native_type(field: Any, adapter: Any) -> type[Any] | None:
    """The Python type whose values `field` hands to the driver as they are; None when there is no such type."""
    return _NATIVE.get(target_of(field).get_internal_type()) if _passes(field, adapter) else None


def checked_type(field: Any, adapter: Any) -> type[Any] | None:
    """The Python type of which `field` hands most values, but not all, to the driver as they are; None for none."""
    return _CHECKED.get(target_of(field).get_internal_type()) if _passes(field, adapter) else None


def target_of(field: Any) -> Any:
    """The field whose values `field` holds: the one that a relation points to, else itself."""
    while field.is_relation and field.remote_field is not None:
        field = field.target_field
    return field


def has_own_type(field: Any) -> bool:
    """Whether a field class of the project's own says what its column is."""
    return overrides(field, "db_type") or overrides(target_of(field), "db_type")


def _passes(field: Any, adapter: Any) -> bool:
    """Whether neither a project's field class nor the column's type converts values."""
    hooks = ("get_prep_value", "to_python", "get_db_prep_save")
    if any(overrides(each, name) for each in (field, target_of(field)) for name in hooks):
        return False
    dialect = adapter.dialect
    return field.sa_type().dialect_impl(dialect).bind_processor(dialect) is None


_CHECKED: Final[dict[str, type[Any]]] = {"DateTimeField": datetime.datetime, "DecimalField": decimal.Decimal}
_NATIVE: Final[dict[str, type[Any]]] = {
    **dict.fromkeys(("CharField", "TextField", "SlugField"), str),
    **dict.fromkeys(
        (
            "AutoField",
            "BigAutoField",
            "SmallAutoField",
            "IntegerField",
            "BigIntegerField",
            "SmallIntegerField",
            "PositiveIntegerField",
            "PositiveBigIntegerField",
            "PositiveSmallIntegerField",
        ),
        int,
    ),
    "FloatField": float,
    "BooleanField": bool,
    "UUIDField": uuid.UUID,
    "DateField": datetime.date,
}


def _hook(field: Any) -> Callable[[Any, bool], Any] | None:
    return field.pre_save if field.has_pre_save else None


def _quoting(dialect: Any) -> Any:
    """The dialect with every name in quotes, as queries have them."""
    copied = copy.copy(dialect)
    base = type(dialect.identifier_preparer)
    copied.identifier_preparer = type("Quoting", (base,), {"_requires_quotes": lambda _self, _name: True})(copied)
    return copied


def _slot(position: int, field: Any) -> sa.BindParameter[Any]:
    return sa.bindparam(f"v_{position}", type_=field.sa_type())


def _plan(adapter: Any, statement: Any, fields: Sequence[Any], returning: Iterable[Any] = ()) -> WritePlan:
    compiled = statement.compile(dialect=_quoting(adapter.dialect))
    order = [int(name[2:]) for name in compiled.positiontup]
    binders = [binder(field, adapter) for field in fields]
    natives = [native_type(field, adapter) for field in fields]
    loaders = [(field.attname, loader(field, adapter)) for field in returning]
    return WritePlan(str(compiled), order, binders, natives, loaders)


_epoch = [0]


def _forget_plans(name: str) -> None:
    if name in _TIME_SETTINGS:
        _epoch[0] += 1


def _forget_all(_model: Any) -> None:
    _epoch[0] += 1


settings.subscribe(_forget_plans)
on_invalidate.append(_forget_all)
