"""Writing the row of one table: UPDATE, then INSERT where there was none.

`Saving` calls it for each table of a model. Values that the database computes go through the QuerySet, all
others through a compiled write plan.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

from covet.database.connections import connections
from covet.database.orm.expressions.values import DatabaseDefault
from covet.database.orm.implicit import settled
from covet.database.orm.persistence.plans import Selection, Writes, is_expression, writes_of
from covet.database.orm.queryset.queryset import QuerySet
from covet.exceptions import DatabaseError


class RowWriting:
    """The part of `Saving` that meets the database."""

    _meta: Any
    _state: Any

    async def _save_table(
        self,
        cls: Any,
        using: str,
        update_fields: frozenset[str] | None,
        *,
        raw: bool = False,
        force_insert: bool = False,
        force_update: bool = False,
    ) -> bool:
        """Write the row of one table; whether it was updated (and not inserted)."""
        meta = cls._meta
        writes = writes_of(cls)
        pk = meta.pk
        pk_value = getattr(self, pk.attname)
        pk_set = _is_whole(pk_value)
        if not pk_set:
            pk_value = pk.get_pk_value_on_save(self)
            setattr(self, pk.attname, pk_value)
            pk_set = _is_whole(pk_value)
        if not pk_set and (force_update or update_fields):
            message = "Cannot force an update in save() with no primary key."
            raise ValueError(message)
        if (
            not raw
            and not force_insert
            and not force_update
            and self._state.adding
            and all(field.has_default() or field.has_db_default() for field in writes.key)
        ):
            # A key that was just made by its default cannot be in the table.
            force_insert = True
        if pk_set and not force_insert:
            if await self._update_row(cls, writes, using, pk_value, update_fields, raw=raw, forced=force_update):
                return True
            if force_update:
                raise _not_updated(self, "Forced update did not affect any rows.")
            if update_fields:
                raise _not_updated(self, "Save with update_fields did not affect any rows.")
        if meta.order_with_respect_to is not None and not raw:
            await self._set_next_order(cls, using)
        await self._insert_row(cls, writes, using, raw=raw, pk_set=pk_set)
        return False

    async def _update_row(
        self,
        cls: Any,
        writes: Writes,
        using: str,
        pk_value: Any,
        update_fields: frozenset[str] | None,
        *,
        raw: bool,
        forced: bool,
    ) -> bool:
        selection = writes.updated(update_fields)
        values, is_plain = await self._values(selection, raw=raw, add=False)
        if not values:
            # A table with nothing but its key: it is enough that the row is there.
            return update_fields is not None or await self._row_exists(cls, using, pk_value)
        looks_first = self._meta.select_on_save and not (forced or update_fields)
        if looks_first and not await self._row_exists(cls, using, pk_value):
            return False
        key = (pk_value,) if len(writes.key) == 1 else pk_value
        if is_plain and not writes.has_placeholders and _is_plain_manager(cls) and not any(map(is_expression, key)):
            adapter = connections[using]
            plan = writes.update(adapter, selection)
            count = await adapter.run_dml(plan.sql, plan.arguments([*values, *key]))
        else:
            rows = cls._base_manager.using(using).filter(pk=pk_value)
            pairs = zip(selection.fields, values, strict=True)
            count = await settled(rows._update([(field, None, value) for field, value in pairs]))
        if count or not looks_first:
            return bool(count)
        # Some databases (a trigger that writes elsewhere) answer 0 for a row that is there.
        return await self._row_exists(cls, using, pk_value)

    async def _row_exists(self, cls: Any, using: str, pk_value: Any) -> bool:
        return bool(await cls._base_manager.using(using).filter(pk=pk_value).exists())

    async def _insert_row(self, cls: Any, writes: Writes, using: str, *, raw: bool, pk_set: bool) -> None:
        pk = cls._meta.pk
        skips_key = not pk_set and cls._meta.auto_field is pk
        selection = writes.keyless if skips_key else writes.full
        values, is_plain = await self._values(selection, raw=raw, add=True)
        adapter = connections[using]
        if is_plain and not writes.has_placeholders:
            plan = writes.standard_insert(adapter, selection)
        else:
            pairs = list(zip(selection.fields, values, strict=True))
            given = [(field, value) for field, value in pairs if not isinstance(value, DatabaseDefault)]
            left_out = set(writes.fields) - {field for field, _ in given}
            returning = tuple(
                field for field in cls._meta.local_concrete_fields if field in left_out or field in writes.generated
            )
            if writes.has_placeholders or any(is_expression(value) for _, value in given):
                # A field that says so wants to know what the database made of its expression.
                told = tuple(field for field, value in given if field.db_returning and is_expression(value))
                returning = (*returning, *told) if adapter.features.has_returning else returning
                await self._insert_computed(cls, using, selection.fields, returning, raw=raw)
                return
            plan = writes.insert(adapter, tuple(field for field, _ in given), returning)
            values = [value for _, value in given]
        arguments = plan.arguments(values)
        if not plan.returning:
            await adapter.run_dml(plan.sql, arguments)
        elif adapter.features.has_returning:
            rows = await adapter.run_write(plan.sql, arguments)
            self._take(plan.returning, rows[0])
        else:
            made = await adapter.run_insert(plan.sql, arguments)
            if skips_key:
                setattr(self, pk.attname, made)

    async def _insert_computed(
        self, cls: Any, using: str, fields: tuple[Any, ...], returning: tuple[Any, ...], *, raw: bool
    ) -> None:
        rows = await cls._base_manager._insert([self], fields=fields, returning_fields=returning, using=using, raw=raw)
        for row in rows or ():
            for field, value in zip(returning, row, strict=True):
                setattr(self, field.attname, value)

    def _take(self, targets: Iterable[tuple[str, Any]], row: Any) -> None:
        for position, (attname, load) in enumerate(targets):
            value = row[position]
            setattr(self, attname, value if load is None else load(value))

    async def _values(self, selection: Selection, *, raw: bool, add: bool) -> tuple[list[Any], bool]:
        """What will be written, and whether all of it is plain; hooks of custom fields may be async."""
        if not selection.attnames <= self.__dict__.keys():
            await self._load_missing(selection.attnames)
        values, is_plain = selection.values(self, add=add, raw=raw)
        if is_plain:
            return values, True
        for position, (field, value) in enumerate(zip(selection.fields, values, strict=True)):
            if inspect.iscoroutine(value):
                values[position] = await value
            elif field.is_relation and hasattr(value, "prepare_database_save"):
                # An instance where its key belongs (`post.author_id = author`).
                values[position] = value.prepare_database_save(field)
        return values, not any(map(is_expression, values))

    async def _load_missing(self, names: Iterable[str]) -> None:
        if self._state.db is not None:
            deferred = self.get_deferred_fields().intersection(names)
            if deferred:
                await settled(self.refresh_from_db(fields=list(deferred)))

    async def refresh_from_db(
        self, using: str | None = None, fields: Iterable[str] | None = None, from_queryset: Any = None
    ) -> None:
        """Load anew; see `Refreshing`."""
        raise AttributeError

    async def _set_next_order(self, cls: Any, using: str) -> None:
        """Give the instance the place behind its last sibling; see `Refreshing`."""
        raise AttributeError

    def _is_pk_set(self, meta: Any = None) -> bool:
        """Whether there is a primary key; see `Model`."""
        raise AttributeError

    def get_deferred_fields(self) -> set[str]:
        """The attribute names of fields that were not loaded."""
        held = self.__dict__
        return {field.attname for field in self._meta.concrete_fields if field.attname not in held}


def _is_whole(key: Any) -> bool:
    """Whether a primary key is set, with all of its parts."""
    return key is not None and not (isinstance(key, tuple) and any(part is None for part in key))


def _is_plain_manager(cls: Any) -> bool:
    """Whether the model's base manager sees every row, so that a row can be addressed by its key alone."""
    manager = cls._base_manager
    return bool(manager.is_plain and manager._queryset_class is QuerySet)  # noqa: SLF001 - a manager made of a QuerySet has its own


def _not_updated(instance: Any, message: str) -> Exception:
    kind: type[Exception] = getattr(instance, "NotUpdated", DatabaseError)
    return kind(message)
