"""The reverse side of foreign keys: `author.posts`, a manager of what refers to the author."""

from __future__ import annotations

import functools
from typing import Any, Never

from covet.database.orm.implicit import settled
from covet.database.orm.prefetch import Source, manager_for
from covet.database.orm.queryset.pending import pending
from covet.database.orm.related.access import tables_of
from covet.database.orm.related.filters import for_instances
from covet.database.orm.related.forward import only_one
from covet.database.orm.related.keys import single_key
from covet.database.orm.related.managers import RelatedManagerBase, class_over, evaluated, wrong_kind
from covet.database.orm.routers import router
from covet.database.transaction import transaction


class ReverseManager(RelatedManagerBase):
    """The manager behind `author.posts`; a class is made of it for each relation.

    Attributes:
        field: the foreign key.
        key_path, key_attname: the lookup of its one column, and the attribute of the instance that it is
            compared with; None for relations that take more than that.
    """

    needs_instance_only = True
    field: Any
    key_path: str | None
    key_attname: str
    relation: Any
    manager_class_of: Any

    def __init__(self, instance: Any) -> None:
        super().__init__(instance)
        # `BaseManager.__init__`, where it has to be called, knows no model.
        if not self.has_plain_init:
            self.model = self.relation.related_model

    @property
    def core_filters(self) -> dict[str, Any]:
        """The condition that narrows the related model's rows to those of this instance."""
        return {self.field.name: self.instance}

    def __call__(self, *, manager: str) -> Any:
        """The same relation through another manager of the related model, by name."""
        chosen = getattr(self.model, manager)
        return self.manager_class_of(type(chosen))(self.instance)

    def get_queryset(self) -> Any:
        if self.instance.pk is None:
            message = (
                f"{type(self.instance).__name__!r} instance needs to have a primary key value before this relationship "
                "can be used."
            )
            raise ValueError(message)
        return super().get_queryset()

    def _check_fk_val(self) -> None:
        for field in self.field.foreign_related_fields:
            if getattr(self.instance, field.attname) is None:
                message = (
                    f'"{self.instance!r}" needs to have a value for field "{field.attname}" before this relationship '
                    "can be used."
                )
                raise ValueError(message)

    def _apply_rel_filters(self, queryset: Any) -> Any:
        instance, field = self.instance, self.field
        known: Any
        if self.key_path is not None:
            known = getattr(instance, self.key_attname)
            rows = queryset.none() if known is None else queryset.filter(**{self.key_path: known})
        else:
            rows = queryset.filter(**self.core_filters)
            known = tuple([getattr(instance, there.attname) for there in field.foreign_related_fields])
            if None in known:
                rows = rows.none()
        carried: dict[str, Any] = {"hints": {**rows._hints, "instance": instance}}
        if self._db:
            carried["db"] = self._db
        if field.many_to_one:
            carried["known"] = {field: {known: instance}}
        rows._conf = rows._conf.evolve(**carried)
        return rows

    async def get_prefetch_querysets(self, instances: Any, querysets: list[Any] | None = None) -> Source:
        given = only_one(querysets) if querysets else None
        field = self.field
        key = single_key(field.foreign_related_fields, type(instances[0]))
        own = single_key(field.local_related_fields, self.model)
        if key is not None and own is not None:
            wanted = list(map(key, instances))
            rows = await self._related_to(wanted, instances[0], given)
            return Source(rows, own, key, False, self.cache_name, False)
        rows = await self._prefetching(instances, instances[0], given)
        return Source(
            rows, field.get_local_related_value, field.get_foreign_related_value, False, self.cache_name, False
        )

    async def _prefetching(self, wanted: Any, instance: Any, given: Any) -> Any:
        """What refers to any of `wanted`."""
        queryset = await self._every() if given is None else given._chain()
        queryset._add_hints(instance=instance)
        return for_instances(queryset.using(queryset._db or self._db), self.field.name, wanted)

    def link(self, related: Any, instance: Any) -> None:
        if not self.field.is_cached(related):
            self.field.set_cached_value(related, instance)

    def _write_alias(self) -> str:
        return router.db_for_write(self.model, instance=self.instance)

    def _adopt(self, obj: Any) -> None:
        if not isinstance(obj, self.model):
            raise wrong_kind(self.model, obj)
        setattr(obj, self.field.name, self.instance)

    @pending
    async def add(self, *objs: Any, bulk: bool = True) -> None:
        """Let objects refer to this instance.

        Args:
            objs: saved objects (unsaved ones too, without `bulk`).
            bulk: one UPDATE, without `save()` and its signals.

        Raises:
            TypeError: one is of another model. ValueError: one is not saved.
        """
        self._check_fk_val()
        self._remove_prefetched_objects()
        alias = self._write_alias()
        if not bulk:
            async with transaction(using=alias, savepoint=False):
                for obj in objs:
                    self._adopt(obj)
                    await settled(obj.save())
            return
        keys: dict[Any, None] = {}
        for obj in objs:
            self._adopt(obj)
            if obj._state.adding or obj._state.db != alias:
                message = f"{obj!r} instance isn't saved. Use bulk=False or save the object first."
                raise ValueError(message)
            keys[obj.pk] = None
        rows = self.model._base_manager.using(alias).filter(pk__in=list(keys))
        await rows.update(**{self.field.name: self.instance})

    @pending
    async def create(self, **kwargs: Any) -> Any:
        """Make and save an object that refers to this instance."""
        return await settled(super(RelatedManagerBase, self._for_writing(kwargs)).create(**kwargs))

    @pending
    async def get_or_create(self, **kwargs: Any) -> tuple[Any, bool]:
        """`get_or_create` among the objects that refer to this instance."""
        return await settled(super(RelatedManagerBase, self._for_writing(kwargs)).get_or_create(**kwargs))  # type: ignore[no-any-return]

    @pending
    async def update_or_create(self, **kwargs: Any) -> tuple[Any, bool]:
        """`update_or_create` among the objects that refer to this instance."""
        return await settled(super(RelatedManagerBase, self._for_writing(kwargs)).update_or_create(**kwargs))  # type: ignore[no-any-return]

    def _for_writing(self, kwargs: dict[str, Any]) -> Any:
        self._check_fk_val()
        self._remove_prefetched_objects()
        kwargs[self.field.name] = self.instance
        return self.db_manager(self._write_alias())

    @pending
    async def set(self, objs: Any, *, bulk: bool = True, clear: bool = False) -> None:
        """Let `objs` refer to this instance.

        The key is required, so what refers to it now cannot be let go.
        """
        del clear
        self._check_fk_val()
        await self.add(*await evaluated(objs), bulk=bulk)

    async def aadd(self, *objs: Any, bulk: bool = True) -> None:
        """`add` under Django's async name."""
        await self.add(*objs, bulk=bulk)

    async def acreate(self, **kwargs: Any) -> Any:
        """`create` under Django's async name."""
        return await self.create(**kwargs)

    async def aget_or_create(self, **kwargs: Any) -> tuple[Any, bool]:
        """`get_or_create` under Django's async name."""
        return await self.get_or_create(**kwargs)

    async def aupdate_or_create(self, **kwargs: Any) -> tuple[Any, bool]:
        """`update_or_create` under Django's async name."""
        return await self.update_or_create(**kwargs)

    async def aset(self, objs: Any, *, bulk: bool = True, clear: bool = False) -> None:
        """`set` under Django's async name."""
        await self.set(objs, bulk=bulk, clear=clear)


class NullableReverseManager(ReverseManager):
    """`author.posts` where the key may be NULL, so that posts can be let go."""

    @pending
    async def remove(self, *objs: Any, bulk: bool = True) -> None:
        """Let objects refer to nothing.

        Raises:
            TypeError: one is of another model. ObjectDoesNotExist: one does not refer to this instance.
        """
        if not objs:
            return
        self._check_fk_val()
        own = self.field.get_foreign_related_value(self.instance)
        keys = []
        for obj in objs:
            if not isinstance(obj, self.model):
                raise wrong_kind(self.model, obj)
            if self.field.get_local_related_value(obj) != own:
                message = f"{obj!r} is not related to {self.instance!r}."
                raise self.field.remote_field.model.DoesNotExist(message)
            keys.append(obj.pk)
        await self._clear((await self._query()).filter(pk__in=keys), bulk=bulk)

    @pending
    async def clear(self, *, bulk: bool = True) -> None:
        """Let everything that refers to this instance refer to nothing."""
        self._check_fk_val()
        await self._clear((await self._query())._chain(), bulk=bulk)

    async def _clear(self, queryset: Any, *, bulk: bool) -> None:
        self._remove_prefetched_objects()
        alias = self._write_alias()
        rows = queryset.using(alias)
        name = self.field.name
        if bulk:
            await rows.update(**{name: None})
            return
        async with transaction(using=alias, savepoint=False):
            for obj in await evaluated(rows):
                setattr(obj, name, None)
                await settled(obj.save(update_fields=[name]))

    @pending
    async def set(self, objs: Any, *, bulk: bool = True, clear: bool = False) -> None:
        """Let exactly `objs` refer to this instance.

        Args:
            objs: the objects.
            bulk: UPDATEs, without `save()` and its signals.
            clear: let all go first, instead of only those that are not in `objs`.
        """
        self._check_fk_val()
        wanted = await evaluated(objs)
        alias = self._write_alias()
        async with transaction(using=alias, savepoint=False):
            if clear:
                await self.clear(bulk=bulk)
                await self.add(*wanted, bulk=bulk)
                return
            leaving = dict.fromkeys(await evaluated((await self._query()).using(alias)))
            new = []
            for obj in wanted:
                if obj in leaving:
                    del leaving[obj]
                else:
                    new.append(obj)
            await self.remove(*leaving, bulk=bulk)
            await self.add(*new, bulk=bulk)

    async def aremove(self, *objs: Any, bulk: bool = True) -> None:
        """`remove` under Django's async name."""
        await self.remove(*objs, bulk=bulk)

    async def aclear(self, *, bulk: bool = True) -> None:
        """`clear` under Django's async name."""
        await self.clear(bulk=bulk)


class ReverseManyToOneDescriptor:
    """`author.posts`: makes the manager for an instance."""

    def __init__(self, rel: Any) -> None:
        self.rel = rel
        self.field = rel.field
        self._classes: dict[Any, Any] = {}

    @property
    def related_manager_cls(self) -> Any:
        """The manager class over the related model's default manager."""
        return self._related_manager_class

    @functools.cached_property
    def _related_manager_class(self) -> Any:
        return self.manager_class_of(self._default_manager_class())

    def _default_manager_class(self) -> Any:
        return type(self.rel.related_model._default_manager)

    def manager_class_of(self, superclass: Any) -> Any:
        """The manager class over another manager class of the related model."""
        made = self._classes.get(superclass)
        if made is None:
            made = self._classes[superclass] = self._make_class(superclass)
        return made

    def _make_class(self, superclass: Any) -> Any:
        rel = self.rel
        base = NullableReverseManager if rel.field.null else ReverseManager
        there = rel.field.foreign_related_fields
        is_single = len(there) == 1 and rel.field.concrete
        namespace = {
            "relation": rel,
            "field": rel.field,
            "model": rel.related_model,
            "manager_class_of": staticmethod(self.manager_class_of),
            "cache_name": rel.field.remote_field.cache_name,
            "key_path": f"{rel.field.name}__{there[0].name}" if is_single else None,
            "key_attname": there[0].attname,
            "tables": tables_of(rel.related_model) if superclass.is_plain else None,
            "__module__": rel.related_model.__module__,
        }
        return class_over(superclass, base, "RelatedManager", namespace)

    def __get__(self, instance: Any, owner: type[Any] | None = None) -> Any:
        return self if instance is None else self._manager_for(instance)

    def _manager_for(self, instance: Any) -> Any:
        cls = self._related_manager_class
        return manager_for(cls, instance) if cls.is_bare else cls(instance)

    def _sides(self) -> tuple[str, str]:
        return "reverse side of a related set", str(self.rel.get_accessor_name())

    def __set__(self, instance: Any, value: Any) -> Never:
        message = "Direct assignment to the {} is prohibited. Use {}.set() instead.".format(*self._sides())
        raise TypeError(message)
