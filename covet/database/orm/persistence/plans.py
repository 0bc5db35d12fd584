"""Write plans: INSERT and UPDATE of one row, compiled once for each model, database and set of fields.

Saving runs them; they never look at a value except to convert it for the driver.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import sqlalchemy as sa

from covet.conf import settings
from covet.database.orm.plan import on_invalidate
from covet.database.orm.shape import PLAIN

Converter = Callable[[Any], Any]

_TIME_SETTINGS: Final = frozenset({"USE_TZ", "TIME_ZONE"})
_WRITES: Final = "_covet_writes"


class WritePlan:
    """One compiled statement.

    Attributes:
        sql: its text in the driver's parameter style.
        returning: for every returned column, the attribute it goes to and its conversion.
    """

    __slots__ = ("_binders", "_order", "returning", "sql")

    def __init__(
        self,
        sql: str,
        order: Sequence[int],
        binders: Sequence[Converter],
        returning: Sequence[tuple[str, Converter | None]] = (),
    ) -> None:
        self.sql = sql
        self.returning = tuple(returning)
        self._order = None if list(order) == list(range(len(binders))) else tuple(order)
        self._binders = tuple(binders)

    def arguments(self, values: Sequence[Any]) -> list[Any]:
        """The driver's arguments for `values`, given in the order of the plan's fields."""
        bound = [bind(value) for bind, value in zip(self._binders, values, strict=True)]
        return bound if self._order is None else [bound[position] for position in self._order]


class Writes:
    """The write plans of one model, and what saving needs to know of its fields.

    Attributes:
        fields: the concrete, not generated fields of the model's own table.
        epoch: the generation of settings that the plans were made under.
        has_placeholders: some field wraps its parameter in SQL, which only the QuerySet's compiler does.
        names: what `update_fields` may name.
    """

    __slots__ = ("_inserts", "_updates", "epoch", "fields", "has_placeholders", "key", "model", "names", "pk")

    def __init__(self, model: Any) -> None:
        meta = model._meta
        self.model = model
        self.pk = meta.pk
        self.fields = tuple(field for field in meta.local_concrete_fields if not getattr(field, "generated", False))
        self.epoch = _epoch[0]
        self.has_placeholders = any(hasattr(field, "get_placeholder") for field in self.fields)
        # One field, or the several of a composite key.
        self.key = tuple(meta.pk_fields)
        others = [field for field in meta.concrete_fields if field not in self.key and not field.primary_key]
        self.names = frozenset(name for field in others for name in (field.name, field.attname))
        self._inserts: dict[Any, WritePlan] = {}
        self._updates: dict[Any, WritePlan] = {}

    def insert(self, adapter: Any, fields: tuple[Any, ...], returning: tuple[Any, ...]) -> WritePlan:
        """The plan that inserts a row of `fields` and answers with `returning`."""
        # By adapter, not by alias: tests and scripts point an alias at another database.
        key = (adapter, tuple([field.attname for field in fields]), len(returning))
        plan = self._inserts.get(key)
        if plan is None:
            plan = self._inserts[key] = self._compile_insert(adapter, fields, returning)
        return plan

    def update(self, adapter: Any, fields: tuple[Any, ...]) -> WritePlan:
        """The plan that sets `fields` in the row of a primary key, whose values come last."""
        key = (adapter, tuple([field.attname for field in fields]))
        plan = self._updates.get(key)
        if plan is None:
            plan = self._updates[key] = self._compile_update(adapter, fields)
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
    dialect = adapter.dialect
    process = field.sa_type().dialect_impl(dialect).bind_processor(dialect)
    prepare: Converter = field.get_prep_value
    if process is None:
        return prepare
    return lambda value: process(prepare(value))


def _slot(position: int, field: Any) -> sa.BindParameter[Any]:
    return sa.bindparam(f"v_{position}", type_=field.sa_type())


def _plan(adapter: Any, statement: Any, fields: Iterable[Any], returning: Iterable[Any] = ()) -> WritePlan:
    compiled = statement.compile(dialect=adapter.dialect)
    order = [int(name[2:]) for name in compiled.positiontup]
    binders = [binder(field, adapter) for field in fields]
    loaders = [(field.attname, loader(field, adapter)) for field in returning]
    return WritePlan(str(compiled), order, binders, loaders)


_epoch = [0]


def _forget_plans(name: str) -> None:
    if name in _TIME_SETTINGS:
        _epoch[0] += 1


def _forget_all(_model: Any) -> None:
    _epoch[0] += 1


settings.subscribe(_forget_plans)
on_invalidate.append(_forget_all)
