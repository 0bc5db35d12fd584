"""The manager of a generic relation: `article.tags`, the rows that refer to the article by a GenericForeignKey."""

from __future__ import annotations

from typing import Any

from covet.database.orm.contenttypes.models import ContentType, content_type_key
from covet.database.orm.implicit import settled
from covet.database.orm.prefetch import Source
from covet.database.orm.query import Q
from covet.database.orm.queryset.pending import pending
from covet.database.orm.related.access import tables_of
from covet.database.orm.related.forward import only_one
from covet.database.orm.related.managers import RelatedManagerBase, class_over, evaluated, wrong_kind
from covet.database.orm.related.reverse_many import ReverseManyToOneDescriptor
from covet.database.orm.routers import router
from covet.database.transaction import transaction


class GenericRelatedManager(RelatedManagerBase):
    """The manager behind `article.tags`; a class is made of it for each relation.

    Attributes:
        relation: the GenericRel.
    """

    relation: Any
    manager_class_of: Any

    def __init__(self, instance: Any) -> None:
        super().__init__(instance)
        field = self.relation.field
        self.model = self.relation.model
        self.content_type_field_name = field.content_type_field_name
        self.object_id_field_name = field.object_id_field_name
        self.content_type_attname = self.model._meta.get_field(field.content_type_field_name).attname
        self.pk_val = instance.pk

    def __str__(self) -> str:
        return repr(self)

    def __call__(self, *, manager: str) -> Any:
        """The same relation through another manager of the related model, by name."""
        chosen = getattr(self.model, manager)
        return self.manager_class_of(type(chosen))(self.instance)

    def _key_of(self, instance: Any) -> Any:
        """The id of an instance's content type, or an expression for it."""
        return content_type_key(
            instance, for_concrete_model=self.relation.field.for_concrete_model, using=instance._state.db
        )

    async def _content_type_of(self, instance: Any) -> Any:
        manager = ContentType.objects.db_manager(instance._state.db)
        return await manager.get_for_model(instance, for_concrete_model=self.relation.field.for_concrete_model)

    def _apply_rel_filters(self, queryset: Any) -> Any:
        queryset._add_hints(instance=self.instance)
        queryset = queryset.using(self._db or router.db_for_read(self.model, instance=self.instance))
        key = self._key_of(self.instance)
        return queryset.filter(**{self.content_type_attname: key, self.object_id_field_name: self.pk_val})

    async def get_prefetch_querysets(self, instances: Any, querysets: list[Any] | None = None) -> Source:
        queryset = only_one(querysets) if querysets else await self._every()
        queryset._add_hints(instance=instances[0])
        rows = queryset.using(queryset._db or self._db)
        types = {type(instance): await self._content_type_of(instance) for instance in _one_of_each(instances)}
        by_type: dict[Any, dict[Any, None]] = {}
        for instance in instances:
            by_type.setdefault(types[type(instance)].pk, {})[instance.pk] = None
        name, key_name = self.content_type_attname, self.object_id_field_name
        condition = Q.create(
            [Q(**{name: type_id, f"{key_name}__in": list(keys)}) for type_id, keys in by_type.items()],
            connector=Q.OR,
        )
        convert = instances[0]._meta.pk.to_python
        return Source(
            rows.filter(condition),
            lambda related: (convert(getattr(related, key_name)), getattr(related, name)),
            lambda instance: (instance.pk, types[type(instance)].pk),
            False,
            self.cache_name,
            False,
        )

    def _write_alias(self) -> str:
        return router.db_for_write(self.model, instance=self.instance)

    @pending
    async def add(self, *objs: Any, bulk: bool = True) -> None:
        """Let objects refer to this instance.

        Raises:
            TypeError: one is of another model. ValueError: one is not saved, with `bulk`.
        """
        self._remove_prefetched_objects()
        alias = self._write_alias()
        content_type = await self._content_type_of(self.instance)
        for obj in objs:
            if bulk and (obj._state.adding or obj._state.db != alias):
                message = f"{obj!r} instance isn't saved. Use bulk=False or save the object first."
                raise ValueError(message)
            if not isinstance(obj, self.model):
                raise wrong_kind(self.model, obj)
            setattr(obj, self.content_type_field_name, content_type)
            setattr(obj, self.object_id_field_name, self.pk_val)
        if not bulk:
            async with transaction(using=alias, savepoint=False):
                for obj in objs:
                    await settled(obj.save())
            return
        rows = self.model._base_manager.using(alias).filter(pk__in=[obj.pk for obj in objs])
        await rows.update(**{self.content_type_field_name: content_type, self.object_id_field_name: self.pk_val})

    @pending
    async def remove(self, *objs: Any, bulk: bool = True) -> None:
        """Delete objects that refer to this instance."""
        if objs:
            rows = (await self._query()).filter(pk__in=[obj.pk for obj in objs])
            await self._clear(rows, bulk=bulk)

    @pending
    async def clear(self, *, bulk: bool = True) -> None:
        """Delete everything that refers to this instance."""
        await self._clear((await self._query())._chain(), bulk=bulk)

    async def _clear(self, queryset: Any, *, bulk: bool) -> None:
        self._remove_prefetched_objects()
        alias = self._write_alias()
        rows = queryset.using(alias)
        if bulk:
            await rows.delete()
            return
        async with transaction(using=alias, savepoint=False):
            for obj in await evaluated(rows):
                await settled(obj.delete())

    @pending
    async def set(self, objs: Any, *, bulk: bool = True, clear: bool = False) -> None:
        """Let exactly `objs` refer to this instance; others that do are deleted."""
        wanted = await evaluated(objs)
        alias = self._write_alias()
        async with transaction(using=alias, savepoint=False):
            if clear:
                await self.clear()
                await self.add(*wanted, bulk=bulk)
                return
            leaving = dict.fromkeys(await evaluated((await self._query()).using(alias)))
            new = []
            for obj in wanted:
                if obj in leaving:
                    del leaving[obj]
                else:
                    new.append(obj)
            await self.remove(*leaving)
            await self.add(*new, bulk=bulk)

    async def _for_writing(self, kwargs: dict[str, Any]) -> Any:
        self._remove_prefetched_objects()
        kwargs[self.content_type_field_name] = await self._content_type_of(self.instance)
        kwargs[self.object_id_field_name] = self.pk_val
        return super(RelatedManagerBase, self.db_manager(self._write_alias()))

    @pending
    async def create(self, **kwargs: Any) -> Any:
        """Make and save an object that refers to this instance."""
        return await settled((await self._for_writing(kwargs)).create(**kwargs))

    @pending
    async def get_or_create(self, **kwargs: Any) -> tuple[Any, bool]:
        """`get_or_create` among the objects that refer to this instance."""
        return await settled((await self._for_writing(kwargs)).get_or_create(**kwargs))  # type: ignore[no-any-return]

    @pending
    async def update_or_create(self, **kwargs: Any) -> tuple[Any, bool]:
        """`update_or_create` among the objects that refer to this instance."""
        return await settled((await self._for_writing(kwargs)).update_or_create(**kwargs))  # type: ignore[no-any-return]

    async def aadd(self, *objs: Any, bulk: bool = True) -> None:
        """`add` under Django's async name."""
        await self.add(*objs, bulk=bulk)

    async def aremove(self, *objs: Any, bulk: bool = True) -> None:
        """`remove` under Django's async name."""
        await self.remove(*objs, bulk=bulk)

    async def aclear(self, *, bulk: bool = True) -> None:
        """`clear` under Django's async name."""
        await self.clear(bulk=bulk)

    async def aset(self, objs: Any, *, bulk: bool = True, clear: bool = False) -> None:
        """`set` under Django's async name."""
        await self.set(objs, bulk=bulk, clear=clear)

    async def acreate(self, **kwargs: Any) -> Any:
        """`create` under Django's async name."""
        return await self.create(**kwargs)

    async def aget_or_create(self, **kwargs: Any) -> tuple[Any, bool]:
        """`get_or_create` under Django's async name."""
        return await self.get_or_create(**kwargs)

    async def aupdate_or_create(self, **kwargs: Any) -> tuple[Any, bool]:
        """`update_or_create` under Django's async name."""
        return await self.update_or_create(**kwargs)


class ReverseGenericManyToOneDescriptor(ReverseManyToOneDescriptor):
    """`article.tags`: makes the manager for an instance."""

    def _default_manager_class(self) -> Any:
        return type(self.rel.model._default_manager)

    def _make_class(self, superclass: Any) -> Any:
        model = self.rel.model
        namespace = {
            "relation": self.rel,
            "manager_class_of": staticmethod(self.manager_class_of),
            "cache_name": self.rel.field.attname,
            "tables": tables_of(model) if superclass.is_plain else None,
            "__module__": model.__module__,
        }
        return class_over(superclass, GenericRelatedManager, "GenericRelatedObjectManager", namespace)

    def _sides(self) -> tuple[str, str]:
        return "reverse side of a generic relation", str(self.field.name)


def _one_of_each(instances: Any) -> list[Any]:
    return list({type(instance): instance for instance in instances}.values())
