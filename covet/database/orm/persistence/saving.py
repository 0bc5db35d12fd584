"""Saving an instance: UPDATE, then INSERT where there was no row, with Django's rules and signals.

Models derive from `Saving`; values that the database computes go through the QuerySet, all others
through a compiled write plan.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Collection, Iterable
from typing import Any

from covet.database.connections import connections
from covet.database.orm.expressions.values import DatabaseDefault
from covet.database.orm.implicit import settled
from covet.database.orm.persistence.plans import Writes, is_expression, writes_of
from covet.database.orm.persistence.related_values import prepare_related_fields_for_save
from covet.database.orm.persistence.validation import is_validated, run_validators
from covet.database.orm.queryset.queryset import QuerySet
from covet.database.orm.routers import router
from covet.database.orm.signals import post_save, pre_save
from covet.database.transaction import transaction
from covet.exceptions import DatabaseError

ForceInsert = bool | tuple[type[Any], ...]


class Saving:
    """`save()` and what it is made of."""

    _meta: Any
    _state: Any
    pk: Any

    async def save(
        self,
        *args: Any,
        force_insert: ForceInsert = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
        validate: bool | None = None,
    ) -> None:
        """Write the instance to its database.

        Args:
            *args: the next four, by position; Django deprecates that.
            force_insert: INSERT without trying an UPDATE; a tuple of parent models forces theirs too.
            force_update: UPDATE, and an error where there is no row.
            using: the database alias; a router chooses by default.
            update_fields: write these fields only.
            validate: run the fields' validators and `clean()`; None leaves it to `Meta.validate_on_save`
                and the setting VALIDATE_ON_SAVE.

        Raises:
            ValidationError: a value is refused.
            ValueError: contradictory arguments, an unknown field, or an unsaved related object.
            DatabaseError: a forced update touched no row.
        """
        if args:
            force_insert, force_update, using, update_fields = _from_positions(
                "save", args, force_insert, force_update, using, update_fields
            )
        prepare_related_fields_for_save(self, "save")
        cls = type(self)
        for field in self._meta.private_fields:
            if hasattr(field, "settle"):
                await field.settle(self)
        using = using or router.db_for_write(cls, instance=self)
        if force_insert and (force_update or update_fields):
            message = "Cannot force both insert and updating in model saving."
            raise ValueError(message)
        names = self._written_names(using, update_fields, inserting=bool(force_insert))
        if names is not None and not names:
            return
        if is_validated(cls) if validate is None else validate:
            await run_validators(self, names)
        await self.save_base(using=using, force_insert=force_insert, force_update=force_update, update_fields=names)

    async def asave(
        self,
        *args: Any,
        force_insert: ForceInsert = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
        **options: Any,
    ) -> None:
        """`save` under Django's async name."""
        if args:
            force_insert, force_update, using, update_fields = _from_positions(
                "asave", args, force_insert, force_update, using, update_fields
            )
        await self.save(
            force_insert=force_insert, force_update=force_update, using=using, update_fields=update_fields, **options
        )

    def _written_names(
        self, using: str, update_fields: Iterable[str] | None, *, inserting: bool
    ) -> frozenset[str] | None:
        """The names to write; None for all of them."""
        meta = self._meta
        if update_fields is not None:
            names = frozenset(update_fields)
            unknown = names - writes_of(type(self)).names
            if unknown:
                listed = ", ".join(sorted(unknown))
                message = (
                    "The following fields do not exist in this model, are m2m fields, primary keys, or are "
                    f"non-concrete fields: {listed}"
                )
                raise ValueError(message)
            return names
        if inserting or using != self._state.db:
            return None
        held = self.__dict__
        writable = [field for field in meta.concrete_fields if not getattr(field, "generated", False)]
        if all(field.attname in held for field in writable):
            return None
        loaded = [field.attname for field in writable if field.attname in held and not field.primary_key]
        return frozenset(loaded) or None

    def _validated_force_insert(self, force_insert: ForceInsert) -> tuple[type[Any], ...]:
        if not force_insert:
            return ()
        if force_insert is True:
            return (type(self),)
        if not isinstance(force_insert, tuple):
            message = "force_insert must be a bool or tuple."
            raise TypeError(message)
        for member in force_insert:
            if not isinstance(member, type) or not issubclass(member, Saving):
                message = f"Invalid force_insert member. {member!r} must be a model subclass."
                raise TypeError(message)
            if not issubclass(type(self), member):
                message = (
                    f"Invalid force_insert member. {member.__qualname__} must be a base of {type(self).__qualname__}."
                )
                raise TypeError(message)
        return force_insert

    async def save_base(
        self,
        raw: bool = False,
        force_insert: ForceInsert = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Collection[str] | None = None,
    ) -> None:
        """Write the instance without validation; `raw` writes values as they are, parents apart.

        Signals are sent here, so that loading fixtures sends them too.
        """
        using = using or router.db_for_write(type(self), instance=self)
        assert not (force_insert and (force_update or update_fields))
        assert update_fields is None or update_fields
        origin: Any = type(self)
        cls: Any = origin._meta.concrete_model if origin._meta.proxy else origin
        meta = cls._meta
        forced = self._validated_force_insert(force_insert)
        sends = not meta.auto_created
        if sends and pre_save.receivers and pre_save.has_listeners(origin):
            await pre_save.send(sender=origin, instance=self, raw=raw, using=using, update_fields=update_fields)
        names = None if update_fields is None else frozenset(update_fields)
        options: dict[str, Any] = {"raw": raw, "force_update": force_update}
        if meta.parents:
            async with transaction(using=using, savepoint=False):
                inserted = False if raw else await self._save_parents(cls, using, names, forced)
                forces = bool(forced) or inserted
                updated = await self._save_table(cls, using, names, force_insert=forces, **options)
        else:
            updated = await self._save_table(cls, using, names, force_insert=bool(forced), **options)
        self._state.db = using
        self._state.adding = False
        if sends and post_save.receivers and post_save.has_listeners(origin):
            await post_save.send(
                sender=origin, instance=self, created=not updated, update_fields=update_fields, raw=raw, using=using
            )

    async def _save_parents(
        self,
        cls: Any,
        using: str,
        update_fields: frozenset[str] | None,
        forced: tuple[type[Any], ...],
        updated_parents: dict[Any, bool] | None = None,
    ) -> bool:
        """Save the rows of multi-table parents; whether any was inserted."""
        inserted = False
        seen: dict[Any, bool] = {} if updated_parents is None else updated_parents
        for parent, link in cls._meta.parents.items():
            key = parent._meta.pk.attname
            if link is not None and getattr(self, key) is None and getattr(self, link.attname) is not None:
                setattr(self, key, getattr(self, link.attname))
            updated = seen.get(parent)
            if updated is None:
                above = await self._save_parents(parent, using, update_fields, forced, seen)
                must = above or issubclass(parent, forced)
                updated = await self._save_table(parent, using, update_fields, force_insert=must)
                seen[parent] = updated
            if not updated:
                inserted = True
            if link is not None:
                setattr(self, link.attname, getattr(self, key))
                if link.is_cached(self):
                    link.delete_cached_value(self)
        return inserted

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
        if not self._is_pk_set(meta):
            pk_value = pk.get_pk_value_on_save(self)
            setattr(self, pk.attname, pk_value)
        pk_set = self._is_pk_set(meta)
        if not pk_set and (force_update or update_fields):
            message = "Cannot force an update in save() with no primary key."
            raise ValueError(message)
        if (
            not raw
            and not force_insert
            and not force_update
            and self._state.adding
            and (pk.has_default() or pk.has_db_default())
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
        fields = tuple(
            field
            for field in writes.fields
            if not field.primary_key
            and field not in writes.key
            and (update_fields is None or field.name in update_fields or field.attname in update_fields)
        )
        values = await self._values(fields, raw=raw, add=False)
        if not fields:
            # A table with nothing but its key: it is enough that the row is there.
            return update_fields is not None or await self._row_exists(cls, using, pk_value)
        forced = forced or bool(update_fields)
        if self._meta.select_on_save and not forced and not await self._row_exists(cls, using, pk_value):
            return False
        if writes.has_placeholders or not _is_plain_manager(cls) or any(map(is_expression, (*values, pk_value))):
            rows = cls._base_manager.using(using).filter(pk=pk_value)
            count = await settled(
                rows._update([(field, None, value) for field, value in zip(fields, values, strict=True)])
            )
        else:
            adapter = connections[using]
            plan = writes.update(adapter, fields)
            key = (pk_value,) if len(writes.key) == 1 else pk_value
            count = await adapter.run_dml(plan.sql, plan.arguments([*values, *key]))
        if count or not self._meta.select_on_save or forced:
            return bool(count)
        # Some databases (a trigger that writes elsewhere) answer 0 for a row that is there.
        return await self._row_exists(cls, using, pk_value)

    async def _row_exists(self, cls: Any, using: str, pk_value: Any) -> bool:
        return bool(await cls._base_manager.using(using).filter(pk=pk_value).exists())

    async def _insert_row(self, cls: Any, writes: Writes, using: str, *, raw: bool, pk_set: bool) -> None:
        pk = cls._meta.pk
        skips_key = not pk_set and cls._meta.auto_field is pk
        fields = tuple(field for field in writes.fields if not (skips_key and field is pk))
        values = await self._values(fields, raw=raw, add=True)
        given = [
            (field, value)
            for field, value in zip(fields, values, strict=True)
            if not isinstance(value, DatabaseDefault)
        ]
        left_out = set(writes.fields) - {field for field, _ in given}
        returning = tuple(
            field
            for field in cls._meta.local_concrete_fields
            if field in left_out or getattr(field, "generated", False)
        )
        adapter = connections[using]
        if writes.has_placeholders or any(is_expression(value) for _, value in given):
            await self._insert_computed(cls, using, fields, returning, raw=raw)
            return
        plan = writes.insert(adapter, tuple(field for field, _ in given), returning)
        arguments = plan.arguments([value for _, value in given])
        if not returning:
            await adapter.run_dml(plan.sql, arguments)
        elif adapter.features.has_returning:
            rows = await adapter.run_write(plan.sql, arguments)
            self._take(plan.returning, rows[0])
        else:
            key = await adapter.run_insert(plan.sql, arguments)
            if skips_key:
                setattr(self, pk.attname, key)

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

    async def _values(self, fields: tuple[Any, ...], *, raw: bool, add: bool) -> list[Any]:
        """What will be written in `fields`; hooks of custom fields may be async."""
        await self._load_missing(fields)
        values: list[Any] = []
        for field in fields:
            value = getattr(self, field.attname) if raw else field.pre_save(self, add)
            values.append(await value if inspect.iscoroutine(value) else value)
        return values

    async def _load_missing(self, fields: tuple[Any, ...]) -> None:
        held = self.__dict__
        missing = [field.attname for field in fields if field.attname not in held]
        if missing and self._state.db is not None:
            deferred = self.get_deferred_fields() & set(missing)
            if deferred:
                await settled(self.refresh_from_db(fields=list(deferred)))

    def get_deferred_fields(self) -> set[str]:
        """The attribute names of fields that were not loaded."""
        held = self.__dict__
        return {field.attname for field in self._meta.concrete_fields if field.attname not in held}

    async def refresh_from_db(
        self, using: str | None = None, fields: Iterable[str] | None = None, from_queryset: Any = None
    ) -> None:
        """Load anew; see `Refreshing`."""
        raise AttributeError

    async def _set_next_order(self, cls: Any, using: str) -> None:
        """Give the instance the place behind its last sibling; see `Ordering`."""
        raise AttributeError


def _is_plain_manager(cls: Any) -> bool:
    """Whether the model's base manager sees every row, so that a row can be addressed by its key alone."""
    manager = cls._base_manager
    return bool(manager.is_plain and manager._queryset_class is QuerySet)  # noqa: SLF001 - a manager made of a QuerySet has its own


def _not_updated(instance: Any, message: str) -> Exception:
    kind: type[Exception] = getattr(instance, "NotUpdated", DatabaseError)
    return kind(message)


def _from_positions(method: str, args: tuple[Any, ...], *given: Any) -> tuple[Any, ...]:
    """The four arguments of `save`, of which the first were given by position.

    Raises:
        TypeError: there are more than four, or one is given twice.
    """
    warnings.warn(
        f"Passing positional arguments to {method}() is deprecated; name them", DeprecationWarning, stacklevel=3
    )
    names = ("force_insert", "force_update", "using", "update_fields")
    if len(args) > len(names):
        message = (
            f"Model.{method}() takes from 1 to {len(names) + 1} positional arguments but {len(args) + 1} were given"
        )
        raise TypeError(message)
    defaults = (False, False, None, None)
    for name, value, default in list(zip(names, given, defaults, strict=True))[: len(args)]:
        if value is not default:
            message = f"Model.{method}() got multiple values for argument '{name}'"
            raise TypeError(message)
    return (*args, *given[len(args) :])
