"""The methods that write; each is awaited, and each has Django's a-name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any, Self, TypeVar

from covet.database.connections import connections
from covet.database.orm.compiler import ops
from covet.database.orm.compiler.datastructures import LOOKUP_SEP
from covet.database.orm.compiler.statements import prepare
from covet.database.orm.expressions.case import Case, When
from covet.database.orm.expressions.values import DatabaseDefault, Value
from covet.database.orm.functions.comparison import Cast
from covet.database.orm.persistence.related_values import prepare_related_fields_for_save
from covet.database.orm.queryset.core import INSTANCES, Core
from covet.database.orm.queryset.inserting import AT_ONCE, OnConflict, insert_rows
from covet.database.orm.queryset.late import late
from covet.database.orm.queryset.pending import Pending
from covet.database.orm.queryset.terminals import Terminals
from covet.database.orm.queryset.updating import can_join, update_joined
from covet.database.orm.routers import DEFAULT_DB_ALIAS, router
from covet.database.orm.shape import freeze, shape_of
from covet.database.transaction import transaction
from covet.exceptions import FieldDoesNotExist, FieldError, IntegrityError, NotSupportedError

M = TypeVar("M")


class Writing(Terminals[M]):
    """Writing."""

    # -- creating -----------------------------------------------------------------

    def create(self, **kwargs: Any) -> Pending[M]:
        """Make an instance of these values and save it."""
        return Pending("create", self._create, kwargs)

    async def acreate(self, **kwargs: Any) -> M:
        """`create` under Django's async name."""
        return await self._create(kwargs)

    async def _create(self, kwargs: dict[str, Any]) -> M:
        names: Any = getattr(self.model._meta, "_reverse_one_to_one_field_names", ())  # type: ignore[attr-defined]
        if names and (reverse := frozenset(kwargs).intersection(names)):
            listed = ", ".join(sorted(reverse))
            raise ValueError(f"The following fields do not exist in this model: {listed}")
        obj: Any = self.model(**kwargs)
        saving = obj.save(force_insert=True, using=self._write_alias())
        if saving is not None:
            await saving
        elif obj._state.adding:
            # A coroutine that nobody awaits would lose the row without a word.
            name = type(obj).__name__
            raise TypeError(
                f"{name}.save() returned nothing to await, and the instance is not saved; "
                "write `async def save(self, *args, **kwargs)` and `await super().save(*args, **kwargs)`"
            )
        return obj  # type: ignore[no-any-return]

    def _writing(self) -> Self:
        """A copy that asks routers where to write."""
        return self if self._conf.for_write else self._evolve(for_write=True)

    def _write_alias(self) -> str:
        conf = self._conf
        if router.routers or conf.hints or type(self).db is not Core.db:
            return self._writing().db
        return conf.db or DEFAULT_DB_ALIAS

    def get_or_create(self, defaults: dict[str, Any] | None = None, **kwargs: Any) -> Pending[tuple[M, bool]]:
        """(instance, created): the row of `kwargs`, made with `defaults` where there is none."""
        return Pending("get_or_create", self._get_or_create, defaults, kwargs)

    async def aget_or_create(self, defaults: dict[str, Any] | None = None, **kwargs: Any) -> tuple[M, bool]:
        """`get_or_create` under Django's async name."""
        return await self._get_or_create(defaults, kwargs)

    async def _get_or_create(self, defaults: dict[str, Any] | None, kwargs: dict[str, Any]) -> tuple[M, bool]:
        if not self._conf.for_write:
            return await self._writing()._get_or_create(defaults, kwargs)
        model: Any = self.model
        try:
            return await self._get((), kwargs), False
        except model.DoesNotExist:
            params = self._creation_values(kwargs, defaults)
        try:
            async with transaction(using=self.db):
                return await self.create(**{name: _called(value) for name, value in params.items()}), True
        except IntegrityError:
            # Another session may have made it in between; if not, the error was about something else.
            try:
                return await self._get((), kwargs), False
            except model.DoesNotExist:
                pass
            raise

    def update_or_create(
        self,
        defaults: dict[str, Any] | None = None,
        create_defaults: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Pending[tuple[M, bool]]:
        """(instance, created): the row of `kwargs`, given `defaults`; `create_defaults` make it where there is none."""
        return Pending("update_or_create", self._update_or_create, defaults, create_defaults, kwargs)

    async def aupdate_or_create(
        self,
        defaults: dict[str, Any] | None = None,
        create_defaults: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> tuple[M, bool]:
        """`update_or_create` under Django's async name."""
        return await self._update_or_create(defaults, create_defaults, kwargs)

    async def _update_or_create(
        self, defaults: dict[str, Any] | None, create_defaults: dict[str, Any] | None, kwargs: dict[str, Any]
    ) -> tuple[M, bool]:
        if not self._conf.for_write:
            return await self._writing()._update_or_create(defaults, create_defaults, kwargs)
        update_defaults = defaults or {}
        if create_defaults is None:
            create_defaults = update_defaults
        async with transaction(using=self.db):
            obj: Any
            obj, created = await self.select_for_update().get_or_create(create_defaults, **kwargs)
            if created:
                return obj, created
            for name, value in _resolved(update_defaults).items():
                setattr(obj, name, value)
            update_fields = self._written_by(obj, update_defaults)
            if update_fields is not None:
                await obj.save(using=self.db, update_fields=update_fields)
            else:
                await obj.save(using=self.db)
        return obj, False

    def _written_by(self, obj: Any, values: dict[str, Any]) -> set[str] | None:
        """The fields that a save must write: those given, and those that change on every save."""
        opts = self.model._meta  # type: ignore[attr-defined]
        concrete = {name for field in opts.concrete_fields for name in (field.name, field.attname)}
        names = set(values)
        if not names or not names <= concrete:
            return None
        own_keys = {name for field in opts.pk_fields for name in (field.name, field.attname)}
        if names & own_keys:
            return None
        for field in opts.local_concrete_fields:
            if not (field in opts.pk_fields or type(field).pre_save is _plain_pre_save(field)):
                names.add(field.name)
                if field.name != field.attname:
                    names.add(field.attname)
        del obj
        return names

    def _creation_values(self, kwargs: dict[str, Any], defaults: dict[str, Any] | None) -> dict[str, Any]:
        values = {name: value for name, value in kwargs.items() if LOOKUP_SEP not in name}
        values.update(defaults or {})
        opts = self.model._meta  # type: ignore[attr-defined]
        invalid: list[str] = []
        for name in values:
            try:
                opts.get_field(name)
            except FieldDoesNotExist:
                attribute = getattr(self.model, name, None)
                if name != "pk" and not (isinstance(attribute, property) and attribute.fset):
                    invalid.append(name)
        if invalid:
            listed = "', '".join(sorted(invalid))
            raise FieldError(f"Invalid field name(s) for model {opts.object_name}: '{listed}'.")
        return values

    # -- many at once -------------------------------------------------------------------

    def bulk_create(
        self,
        objs: Iterable[M],
        batch_size: int | None = None,
        ignore_conflicts: bool = False,
        update_conflicts: bool = False,
        update_fields: Sequence[str] | None = None,
        unique_fields: Sequence[str] | None = None,
    ) -> Pending[list[M]]:
        """Insert all instances in few statements; no signals, no `save()`."""
        return Pending(
            "bulk_create",
            self._bulk_create,
            objs,
            batch_size,
            ignore_conflicts,
            update_conflicts,
            update_fields,
            unique_fields,
        )

    async def abulk_create(self, *args: Any, **kwargs: Any) -> list[M]:
        """`bulk_create` under Django's async name."""
        return await self.bulk_create(*args, **kwargs)

    async def _bulk_create(
        self,
        objs: Iterable[M],
        batch_size: int | None,
        ignore_conflicts: bool,
        update_conflicts: bool,
        update_fields: Sequence[str] | None,
        unique_fields: Sequence[str] | None,
    ) -> list[M]:
        if batch_size is not None and batch_size <= 0:
            raise ValueError("Batch size must be a positive integer.")
        model: Any = self.model
        opts = model._meta
        for parent in opts.all_parents:
            if parent._meta.concrete_model is not opts.concrete_model:
                raise ValueError("Can't bulk create a multi-table inherited model")
        instances: list[Any] = list(objs)
        if not instances:
            return instances
        alias = self._write_alias()
        adapter = connections[alias]
        conflict = self._conflict(adapter, ignore_conflicts, update_conflicts, update_fields, unique_fields)
        makes_keys = opts.pk.has_default()
        with_key: list[Any] = []
        without_key: list[Any] = []
        key_name = opts.pk.attname
        for number, obj in enumerate(instances):
            if number and not number % AT_ONCE:
                await asyncio.sleep(0)
            if obj._state.holds_related:
                prepare_related_fields_for_save(obj, "bulk_create")
            key = getattr(obj, key_name)
            if key is None and makes_keys:
                key = obj.pk = opts.pk.get_default()
            (without_key if key is None or isinstance(key, DatabaseDefault) else with_key).append(obj)
        fields = [field for field in opts.concrete_fields if not getattr(field, "generated", False)]
        async with transaction(using=alias, savepoint=False):
            if with_key:
                returning = [field for field in opts.db_returning_fields if field is not opts.pk]
                await self._insert_batch(adapter, fields, with_key, returning, conflict, batch_size)
            if without_key:
                own = [field for field in fields if field is not opts.auto_field] if opts.auto_field else fields
                await self._insert_batch(
                    adapter, own, without_key, list(opts.db_returning_fields), conflict, batch_size
                )
        for obj in instances:
            state = obj._state
            state.adding = False
            state.db = alias
        return instances

    async def _insert_batch(
        self,
        adapter: Any,
        fields: list[Any],
        objs: list[Any],
        returning: list[Any],
        conflict: OnConflict | None,
        batch_size: int | None,
    ) -> None:
        reads_back = adapter.features.can_return_rows_from_bulk_insert and (
            conflict is None or conflict.action == "update"
        )
        wanted = [field for field in returning if reads_back or field not in fields] if reads_back else []
        # Rows in which the same columns are left to the database go together.
        groups: dict[tuple[int, ...], list[Any]] = {}
        may_be_left = [
            (index, field.attname)
            for index, field in enumerate(fields)
            if DatabaseDefault in _types(field.attname, objs)
        ]
        if not may_be_left:
            groups[()] = objs
        for obj in objs if may_be_left else ():
            left = tuple(index for index, name in may_be_left if isinstance(getattr(obj, name, None), DatabaseDefault))
            groups.setdefault(left, []).append(obj)
        for left, members in groups.items():
            used = [field for index, field in enumerate(fields) if index not in left]
            rows = await insert_rows(
                adapter, self.model, used, members, returning=wanted, on_conflict=conflict, batch_size=batch_size
            )
            if len(wanted) == 1:
                name = wanted[0].attname
                for obj, (value,) in zip(members, rows, strict=False):
                    setattr(obj, name, value)
                continue
            for obj, row in zip(members, rows, strict=False):
                for field, value in zip(wanted, row, strict=True):
                    setattr(obj, field.attname, value)

    def _conflict(
        self,
        adapter: Any,
        ignore: bool,
        update: bool,
        update_fields: Sequence[str] | None,
        unique_fields: Sequence[str] | None,
    ) -> OnConflict | None:
        if ignore and update:
            raise ValueError("ignore_conflicts and update_conflicts are mutually exclusive.")
        opts = self.model._meta  # type: ignore[attr-defined]
        if ignore:
            return OnConflict("ignore")
        if not update:
            return None
        if not update_fields:
            raise ValueError("Fields that will be updated when a row insertion fails on conflicts must be provided.")
        with_target = adapter.features.supports_update_conflicts_with_target
        if unique_fields and not with_target:
            raise NotSupportedError(
                "This database backend does not support updating conflicts with specifying unique fields that can "
                "trigger the upsert."
            )
        if not unique_fields and with_target:
            raise ValueError("Unique fields that can trigger the upsert must be provided.")
        updated = [opts.pk if name == "pk" else opts.get_field(name) for name in update_fields]
        unique = [opts.pk if name == "pk" else opts.get_field(name) for name in unique_fields or ()]
        if any(not field.concrete or field.many_to_many for field in updated):
            raise ValueError("bulk_create() can only be used with concrete fields in update_fields.")
        if any(field in opts.pk_fields for field in updated):
            raise ValueError("bulk_create() cannot be used with primary keys in update_fields.")
        if any(not field.concrete or field.many_to_many for field in unique):
            raise ValueError("bulk_create() can only be used with concrete fields in unique_fields.")
        return OnConflict("update", tuple(field.column for field in updated), tuple(field.column for field in unique))

    def bulk_update(self, objs: Iterable[M], fields: Iterable[str], batch_size: int | None = None) -> Pending[int]:
        """Write `fields` of all instances in few statements; how many rows were matched."""
        return Pending("bulk_update", self._bulk_update, objs, fields, batch_size)

    async def abulk_update(self, objs: Iterable[M], fields: Iterable[str], batch_size: int | None = None) -> int:
        """`bulk_update` under Django's async name."""
        return await self._bulk_update(objs, fields, batch_size)

    async def _bulk_update(self, objs: Iterable[M], names: Iterable[str], batch_size: int | None) -> int:
        if batch_size is not None and batch_size <= 0:
            raise ValueError("Batch size must be a positive integer.")
        chosen = list(names)
        if not chosen:
            raise ValueError("Field names must be given to bulk_update().")
        instances: list[Any] = list(objs)
        opts = self.model._meta  # type: ignore[attr-defined]
        if not all(obj._is_pk_set() if hasattr(obj, "_is_pk_set") else obj.pk is not None for obj in instances):
            raise ValueError("All bulk_update() objects must have a primary key set.")
        fields = [opts.get_field(name) for name in chosen]
        if any(not field.concrete or field.many_to_many for field in fields):
            raise ValueError("bulk_update() can only be used with concrete fields.")
        keys = {*getattr(opts, "pk_fields", (opts.pk,))}
        for parent in opts.all_parents:
            keys.add(parent._meta.pk)
        if any(field in keys for field in fields):
            raise ValueError("bulk_update() cannot be used with primary key fields.")
        if not instances:
            return 0
        for obj in instances:
            prepare_related_fields_for_save(obj, "bulk_update", fields)
        alias = self._writing().db
        adapter = connections[alias]
        limit = adapter.features.max_query_params
        largest = len(instances) if limit is None else max(1, min(500, limit // (2 * len(fields) + 1)))
        size = min(batch_size, largest) if batch_size else largest
        joins = self._node.parent is None and type(self).update is Writing.update
        joins = joins and can_join(adapter, self.model, fields)
        changed = 0
        async with transaction(using=alias, savepoint=False):
            for batch in _batches(instances, (batch_size or AT_ONCE) if joins else size):
                matched = await update_joined(adapter, self.model, fields, batch) if joins else None
                if matched is not None:
                    changed += matched
                    continue
                for part in _batches(batch, size):
                    changed += await self._update_by_cases(adapter, part, fields)
        return changed

    async def _update_by_cases(self, adapter: Any, objs: Sequence[Any], fields: Sequence[Any]) -> int:
        updates: dict[str, Any] = {}
        for field in fields:
            whens = [When(pk=obj.pk, then=_stored_value(field, obj)) for obj in objs]
            case: Any = Case(*whens, output_field=field)
            updates[field.attname] = Cast(case, output_field=field) if adapter.vendor == "postgresql" else case
        rows = self._chain().using(adapter.alias).filter(pk__in=[obj.pk for obj in objs])
        return await rows.update(**updates)

    # -- rows in place ------------------------------------------------------------------------

    def update(self, **kwargs: Any) -> Pending[int]:
        """Set columns of every row to values or expressions; how many rows were matched."""
        return Pending("update", self._update_checked, kwargs)

    async def aupdate(self, **kwargs: Any) -> int:
        """`update` under Django's async name."""
        return await self._update_checked(kwargs)

    async def _update_checked(self, kwargs: dict[str, Any]) -> int:
        self._refuse_combined("update")
        facts = self._facts
        if facts.sliced:
            raise TypeError("Cannot update a query once a slice has been taken.")
        if facts.distinct_fields:
            raise TypeError("Cannot call update() after .distinct(*fields).")
        opts = self.model._meta  # type: ignore[attr-defined]
        own: dict[str, Any] = {}
        inherited: dict[Any, dict[str, Any]] = {}
        for name, value in kwargs.items():
            field = opts.get_field(name)
            if getattr(field, "is_composite", False):
                raise FieldError("Composite primary key fields must be updated individually.")
            if hasattr(value, "_is_pk_set") and not value._is_pk_set():
                raise ValueError(f"Unsaved model instance {value!r} cannot be used in an ORM query.")
            owner = field.model._meta.concrete_model
            direct = not (field.auto_created and not field.concrete) or not field.concrete
            if not direct or not field.concrete or field.many_to_many:
                raise FieldError(
                    f"Cannot update model field {field!r} (only non-relations and foreign keys permitted)."
                )
            if getattr(field, "generated", False):
                raise FieldError(
                    f"Cannot update model field {field!r} (generated fields are computed by the database)."
                )
            if owner is opts.concrete_model:
                own[field.name] = value
            else:
                inherited.setdefault(owner, {})[field.name] = value
        if self._result_cache is not None:
            self._result_cache = None
        if not inherited:
            return await self._run_update(own)
        return await self._writing()._update_with_parents(own, inherited)

    async def _update_with_parents(self, own: dict[str, Any], inherited: dict[Any, dict[str, Any]]) -> int:
        """Multi-table inheritance: the keys first, then each table."""
        opts = self.model._meta  # type: ignore[attr-defined]
        alias = self.db
        async with transaction(using=alias, savepoint=False):
            paths = [_path_to(parent, opts) for parent in inherited]
            keys: list[Any] = await self.order_by().values_list("pk", *paths)
            if not keys:
                return 0
            changed = len(keys)
            if own:
                changed = await self._base().using(alias).filter(pk__in=[row[0] for row in keys])._run_update(own)
            for position, (parent, values) in enumerate(inherited.items(), 1):
                ids = [row[position] for row in keys]
                await parent._base_manager.using(alias).filter(pk__in=ids).update(**values)
            return changed

    async def _run_update(self, values: dict[str, Any]) -> int:
        if not values:
            return 0

        def describe(out: list[Any]) -> Hashable:
            return tuple((name, shape_of(value, out)) for name, value in values.items())

        def make(out: list[Any]) -> Any:
            return ops.Items(tuple((name, _frozen_value(value, out)) for name, value in values.items()))

        key, given, frozen = self._described("update", describe, make)
        node = self._reached(key, given, frozen)
        adapter = connections[self._write_alias()]
        plan, sql, args = prepare(node, "update", adapter, (*self._values, *given))
        return 0 if plan.binder is None else int(await adapter.run_dml(sql, args))

    async def _update(self, values: Sequence[tuple[Any, Any, Any]]) -> int:
        """UPDATE for `save()`: (field, model, value) triples."""
        return await self._run_update({field.name: value for field, _, value in values})

    async def _insert(
        self,
        objs: Sequence[Any],
        fields: Sequence[Any],
        returning_fields: Sequence[Any] = (),
        raw: bool = False,
        using: str | None = None,
    ) -> list[tuple[Any, ...]]:
        """INSERT for `save()`: the returned fields of each row."""
        adapter = connections[using or self.db]
        return await insert_rows(adapter, self.model, fields, objs, returning=returning_fields, raw=raw)

    def delete(self) -> Pending[tuple[int, dict[str, int]]]:
        """Delete every row and what depends on it: (total, {label: count})."""
        return Pending("delete", self._delete)

    async def adelete(self) -> tuple[int, dict[str, int]]:
        """`delete` under Django's async name."""
        return await self._delete()

    # A manager has neither: all rows are deleted by `objects.all().delete()`, never by a word that was left out.
    delete.queryset_only = True  # type: ignore[attr-defined]
    adelete.queryset_only = True  # type: ignore[attr-defined]

    async def _delete(self) -> tuple[int, dict[str, int]]:
        self._refuse_combined("delete")
        facts = self._facts
        if facts.sliced:
            raise TypeError("Cannot use 'limit' or 'offset' with delete().")
        if facts.distinct_fields:
            raise TypeError("Cannot call delete() after .distinct(*fields).")
        if self._conf.kind != INSTANCES:
            raise TypeError("Cannot call delete() after .values() or .values_list()")
        rows: Any = self._evolve(for_write=True)
        rows = rows.select_related(None).order_by()
        collector = late.collector(using=rows.db, origin=self)
        await collector.collect(rows)
        deleted, by_label = await collector.delete()
        self._result_cache = None
        return deleted, by_label

    async def _raw_delete(self, using: str | None) -> int:
        """DELETE without collecting what depends on the rows."""
        adapter = connections[using or self.db]
        plan, sql, args = prepare(self._node, "delete", adapter, self._values)
        return 0 if plan.binder is None else int(await adapter.run_dml(sql, args))


def _types(name: str, objs: Sequence[Any]) -> set[type]:
    """The types of an attribute's values; None where an object has no such attribute."""
    try:
        return set(map(type, map(attrgetter(name), objs)))
    except AttributeError:
        return {type(getattr(obj, name, None)) for obj in objs}


def _frozen_value(value: Any, out: list[Any]) -> Any:
    return freeze(value, out)


def _batches(objs: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (objs[start : start + size] for start in range(0, len(objs), size))


def _stored_value(field: Any, obj: Any) -> Any:
    value = getattr(obj, field.attname)
    if hasattr(value, "resolve_expression"):
        return value
    # None is NULL, also where `Value(None, JSONField())` would be JSON's null.
    return Value(None) if value is None else Value(value, output_field=field)


def _path_to(parent: Any, opts: Any) -> str:
    """The names of the links that lead to an ancestor's row."""
    return "__".join(info.join_field.name for info in opts.get_path_to_parent(parent))


def _called(value: Any) -> Any:
    return value() if callable(value) else value


def _resolved(values: dict[str, Any]) -> dict[str, Any]:
    return {name: _called(value) for name, value in values.items()}


def _plain_pre_save(field: Any) -> Callable[..., Any]:
    """The `pre_save` of the base Field class, which changes nothing."""
    for cls in reversed(type(field).__mro__):
        if "pre_save" in cls.__dict__:
            found: Callable[..., Any] = cls.__dict__["pre_save"]
            return found
    return type(field).pre_save  # type: ignore[no-any-return]
