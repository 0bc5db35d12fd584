"""Both sides of many-to-many relations: `post.tags` and `tag.posts`, managers over the table between."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from operator import attrgetter
from typing import Any

from covet.database.connections import connections
from covet.database.orm.expressions.refs import F
from covet.database.orm.implicit import settled
from covet.database.orm.prefetch import Source, held_by, manager_for
from covet.database.orm.query import Q
from covet.database.orm.queryset.pending import pending
from covet.database.orm.related.access import tables_of
from covet.database.orm.related.filters import for_instances
from covet.database.orm.related.forward import only_one
from covet.database.orm.related.keys import single_key
from covet.database.orm.related.managers import RelatedManagerBase, class_over, evaluated, wrong_kind
from covet.database.orm.related.reverse_many import ReverseManyToOneDescriptor
from covet.database.orm.routers import router
from covet.database.orm.signals import m2m_changed
from covet.database.transaction import transaction

PREFETCH_KEY = "_prefetch_related_val_"


class Sides:
    """What one side of a many-to-many relation is called, worked out once for its manager class.

    Attributes:
        target: the model of the managed objects. through: the model between.
        source_field, target_field: the foreign keys of `through` to the instance and to the objects.
        query_name: what queries on `target` call the way back to the instance.
        cache_name: the key of prefetched rows.
        symmetrical: a link goes both ways.
    """

    def __init__(self, rel: Any, *, reverse: bool) -> None:
        field = rel.field
        self.reverse = reverse
        self.through = rel.through
        if reverse:
            self.target = rel.related_model
            self.query_name = field.name
            self.cache_name = rel.get_accessor_name()
            source, target = field.m2m_reverse_field_name(), field.m2m_field_name()
            self.symmetrical = False
        else:
            self.target = rel.model
            self.query_name = field.related_query_name()
            self.cache_name = field.name
            source, target = field.m2m_field_name(), field.m2m_reverse_field_name()
            self.symmetrical = rel.symmetrical
        self.source_field = self.through._meta.get_field(source)
        self.target_field = self.through._meta.get_field(target)


class ManyRelatedManager(RelatedManagerBase):
    """The manager behind `post.tags`; a class is made of it for each side of each relation."""

    needs_instance_only = True
    sides: Sides
    manager_class_of: Any
    is_plain_target: bool
    model: Any
    through: Any
    reverse: bool
    symmetrical: bool
    source_field: Any
    target_field: Any
    source_field_name: str
    target_field_name: str
    key_paths: tuple[tuple[str, str], ...]

    def __init__(self, instance: Any) -> None:
        super().__init__(instance)
        # `BaseManager.__init__`, where it has to be called, knows no model.
        if not self.has_plain_init:
            self.model = self.sides.target
        if held_by(self) is None:
            self.check_keys()

    @property
    def core_filters(self) -> dict[str, Any]:
        """The conditions that narrow the related model's rows to those of this instance."""
        instance = self.instance
        return {path: getattr(instance, attname) for path, attname in self.key_paths}

    @property
    def related_val(self) -> tuple[Any, ...]:
        """The instance's key, as the table between refers to it."""
        return tuple(self.core_filters.values())

    def check_keys(self) -> None:
        """Refuse an instance that no row of the table between could refer to."""
        instance = self.instance
        if None in self.related_val:
            name = self.source_field.foreign_related_fields[0].name
            message = (
                f'"{instance!r}" needs to have a value for field "{name}" before this many-to-many relationship '
                "can be used."
            )
            raise ValueError(message)
        if instance.pk is None:
            message = (
                f"{type(instance).__name__!r} instance needs to have a primary key value before a many-to-many "
                "relationship can be used."
            )
            raise ValueError(message)

    def __call__(self, *, manager: str) -> Any:
        """The same relation through another manager of the related model, by name."""
        chosen = getattr(self.model, manager)
        return self.manager_class_of(type(chosen))(self.instance)

    # -- reading ---------------------------------------------------------------------------------

    def _apply_rel_filters(self, queryset: Any) -> Any:
        carried: dict[str, Any] = {"hints": {**queryset._hints, "instance": self.instance}, "sticky": True}
        if self._db:
            carried["db"] = self._db
        queryset._conf = queryset._conf.evolve(**carried)
        return queryset.filter(**self.core_filters)

    async def get_prefetch_querysets(self, instances: Any, querysets: list[Any] | None = None) -> Source:
        given = only_one(querysets) if querysets else None
        foreign = self.source_field.foreign_related_fields
        key = single_key(foreign, type(instances[0]))
        names = [f"{PREFETCH_KEY}{there.attname}" for there in foreign]
        if key is not None:
            wanted = list(map(key, instances))
            rows = await self._related_to(wanted, instances[0], given)
            apart = names[0] if given is None and self.is_ordinary else None
            return Source(rows, attrgetter(names[0]), key, False, self.cache_name, False, apart)
        rows = await self._prefetching(instances, instances[0], given)
        return Source(
            rows,
            lambda related: tuple([getattr(related, name) for name in names]),
            self.source_field.get_foreign_related_value,
            False,
            self.cache_name,
            False,
        )

    async def _prefetching(self, wanted: Any, instance: Any, given: Any) -> Any:
        """The objects related to `wanted`, each with the key of what it is related to."""
        queryset = await self._every() if given is None else given._chain()
        queryset._add_hints(instance=instance)
        queryset = queryset.using(queryset._db or self._db)
        name = self.sides.query_name
        rows = for_instances(queryset._next_is_sticky(), name, wanted)
        foreign = self.source_field.foreign_related_fields
        return rows.annotate(**{f"{PREFETCH_KEY}{there.attname}": F(f"{name}__{there.name}") for there in foreign})

    def _through_rows(self) -> Any:
        """The rows between alone, where the database guarantees that they lead to existing objects; else None."""
        target = self.target_field
        if not self.is_plain_target or not target.db_constraint or held_by(self) is not None:
            return None
        alias = router.db_for_read(self.through, instance=self.instance)
        manager = self.through._base_manager.db_manager(alias, hints={"instance": self.instance})
        rows = manager.filter(**{self.source_field_name: self.related_val[0]})
        return rows.filter(**{f"{self.target_field_name}__isnull": False}) if target.null else rows

    @pending
    async def exists(self) -> bool:
        """Whether there is any related object."""
        rows = self._through_rows()
        return bool(await (await self._query() if rows is None else rows).exists())

    @pending
    async def count(self) -> int:
        """How many related objects there are."""
        rows = self._through_rows()
        return int(await (await self._query() if rows is None else rows).count())

    async def aexists(self) -> bool:
        """`exists` under Django's async name."""
        return await self.exists()

    async def acount(self) -> int:
        """`count` under Django's async name."""
        return await self.count()

    # -- writing ---------------------------------------------------------------------------------

    def _write_alias(self) -> str:
        return router.db_for_write(self.through, instance=self.instance)

    @pending
    async def add(self, *objs: Any, through_defaults: Any = None) -> None:
        """Relate objects to this instance; those that are related already stay as they are.

        Args:
            objs: objects, or their keys.
            through_defaults: values of the other fields of the model between; callables are called.

        Raises:
            TypeError: one is of another model. ValueError: one is not saved, or lives in another database.
        """
        self._remove_prefetched_objects()
        async with transaction(using=self._write_alias(), savepoint=False):
            source, target = self.source_field_name, self.target_field_name
            await self._add_items(source, target, *objs, through_defaults=through_defaults)
            if self.symmetrical:
                await self._add_items(target, source, *objs, through_defaults=through_defaults)

    @pending
    async def remove(self, *objs: Any) -> None:
        """Relate objects no longer."""
        self._remove_prefetched_objects()
        await self._remove_items(self.source_field_name, self.target_field_name, *objs)

    @pending
    async def clear(self) -> None:
        """Relate nothing."""
        alias = self._write_alias()
        async with transaction(using=alias, savepoint=False):
            await self._announce("pre_clear", None, alias)
            self._remove_prefetched_objects()
            every = (await self._every()).using(alias)
            rows = self.through._default_manager.using(alias)
            await rows.filter(self._link_condition(None if self.is_plain_target else every)).delete()
            await self._announce("post_clear", None, alias)

    @pending
    async def set(self, objs: Any, *, clear: bool = False, through_defaults: Any = None) -> None:
        """Relate exactly `objs`.

        Args:
            objs: objects, or their keys.
            clear: remove all first, instead of only those that are not in `objs`.
            through_defaults: as in `add`.
        """
        wanted = await evaluated(objs)
        alias = self._write_alias()
        async with transaction(using=alias, savepoint=False):
            self._remove_prefetched_objects()
            if clear:
                await self.clear()
                await self.add(*wanted, through_defaults=through_defaults)
                return
            key = self.target_field.target_field.attname
            leaving = dict.fromkeys(await (await self._query()).using(alias).values_list(key, flat=True))
            new = []
            for obj in wanted:
                value = self._key_of(obj)
                if value in leaving:
                    del leaving[value]
                else:
                    new.append(obj)
            await self.remove(*leaving)
            await self.add(*new, through_defaults=through_defaults)

    def _key_of(self, obj: Any) -> Any:
        if isinstance(obj, self.model):
            return self.target_field.get_foreign_related_value(obj)[0]
        return self.target_field.get_prep_value(obj)

    def _creator(self) -> Any:
        alias = router.db_for_write(type(self.instance), instance=self.instance)
        return super(RelatedManagerBase, self.db_manager(alias))

    @pending
    async def create(self, *, through_defaults: Any = None, **kwargs: Any) -> Any:
        """Make, save and relate an object."""
        made = await settled(self._creator().create(**kwargs))
        await self.add(made, through_defaults=through_defaults)
        return made

    @pending
    async def get_or_create(self, *, through_defaults: Any = None, **kwargs: Any) -> tuple[Any, bool]:
        """`get_or_create` among the related objects; a new one is related."""
        obj, created = await settled(self._creator().get_or_create(**kwargs))
        if created:
            await self.add(obj, through_defaults=through_defaults)
        return obj, created

    @pending
    async def update_or_create(self, *, through_defaults: Any = None, **kwargs: Any) -> tuple[Any, bool]:
        """`update_or_create` among the related objects; a new one is related."""
        obj, created = await settled(self._creator().update_or_create(**kwargs))
        if created:
            await self.add(obj, through_defaults=through_defaults)
        return obj, created

    # -- the table between -----------------------------------------------------------------------

    def _link_condition(self, removed: Any) -> Q:
        """Which rows between go: those to `removed` (None: all) and, in a symmetrical relation, from them."""
        own = self.related_val[0]
        condition = Q.create([(self.source_field_name, own)])
        if removed is not None:
            condition &= Q.create([(f"{self.target_field_name}__in", removed)])
        if self.symmetrical:
            mirrored = Q.create([(self.target_field_name, own)])
            if removed is not None:
                mirrored &= Q.create([(f"{self.source_field_name}__in", removed)])
            condition |= mirrored
        return condition

    def _target_ids(self, target: Any, objs: Any) -> dict[Any, None]:
        found: dict[Any, None] = {}
        for obj in objs:
            if isinstance(obj, self.model):
                if not router.allow_relation(obj, self.instance):
                    message = (
                        f'Cannot add "{obj!r}": instance is on database "{self.instance._state.db}", '
                        f'value is on database "{obj._state.db}"'
                    )
                    raise ValueError(message)
                key = target.get_foreign_related_value(obj)[0]
                if key is None:
                    message = f'Cannot add "{obj!r}": the value for field "{target.name}" is None'
                    raise ValueError(message)
                found[key] = None
            elif hasattr(obj, "_meta") and hasattr(obj, "_state"):
                raise wrong_kind(self.model, obj)
            else:
                found[target.get_prep_value(obj)] = None
        return found

    async def _add_items(
        self, source_field_name: str, target_field_name: str, *objs: Any, through_defaults: Any = None
    ) -> None:
        if not objs:
            return
        fields = self.through._meta
        source, target = fields.get_field(source_field_name), fields.get_field(target_field_name)
        defaults = {name: value() if callable(value) else value for name, value in dict(through_defaults or {}).items()}
        ids = self._target_ids(target, objs)
        alias = self._write_alias()
        ignores, announced, is_blind = self._get_add_plan(alias, source_field_name)
        if is_blind:
            await self._insert(source, target, list(ids), {}, alias, ignores=True)
            return
        missing = await self._get_missing_target_ids(source_field_name, target_field_name, alias, ids)
        async with transaction(using=alias, savepoint=False):
            if announced:
                await self._announce("pre_add", set(missing), alias)
            await self._insert(source, target, missing, defaults, alias, ignores=ignores)
            if announced:
                await self._announce("post_add", set(missing), alias)

    def _get_add_plan(self, db: str, source_field_name: str) -> tuple[bool, bool, bool]:
        """(whether clashes are ignored, whether signals are sent, whether nothing need be read first)."""
        # A made table can only clash on the pair itself; a model of the project's own must show its clashes.
        is_made = self.through._meta.auto_created is not False
        ignores = is_made and connections[db].features.supports_ignore_conflicts
        # The mirrored rows of a symmetrical relation are not announced.
        is_own = self.reverse or source_field_name == self.source_field_name
        announced = is_own and m2m_changed.has_listeners(self.through)
        return ignores, announced, ignores and not announced

    async def _get_missing_target_ids(
        self, source_field_name: str, target_field_name: str, db: str, target_ids: Iterable[Any]
    ) -> list[Any]:
        """Those of `target_ids` that are not related yet, in their order."""
        known = self.through._default_manager.using(db).values_list(target_field_name, flat=True)
        wanted = list(target_ids)
        there = await known.filter(**{source_field_name: self.related_val[0], f"{target_field_name}__in": wanted})
        related = set(there)
        return [key for key in wanted if key not in related]

    async def _insert(
        self, source: Any, target: Any, keys: list[Any], defaults: dict[str, Any], alias: str, *, ignores: bool
    ) -> None:
        own = self.related_val[0]
        rows = [self.through(**defaults, **{source.attname: own, target.attname: key}) for key in keys]
        await self.through._default_manager.using(alias).bulk_create(rows, ignore_conflicts=ignores)

    async def _remove_items(self, source_field_name: str, target_field_name: str, *objs: Any) -> None:
        del source_field_name, target_field_name
        if not objs:
            return
        ids = {
            self.target_field.get_foreign_related_value(obj)[0] if isinstance(obj, self.model) else obj for obj in objs
        }
        alias = self._write_alias()
        async with transaction(using=alias, savepoint=False):
            await self._announce("pre_remove", ids, alias)
            removed: Any = list(ids)
            if not self.is_plain_target:
                # A manager that hides objects hides them from removal too.
                name = self.target_field.target_field.attname
                visible = (await self._every()).using(alias)
                removed = visible.filter(**{f"{name}__in": removed})
            rows = self.through._default_manager.using(alias)
            await rows.filter(self._link_condition(removed)).delete()
            await self._announce("post_remove", ids, alias)

    async def _announce(self, action: str, pk_set: AbstractSet[Any] | None, alias: str) -> None:
        if m2m_changed.receivers and m2m_changed.has_listeners(self.through):
            await m2m_changed.send(
                sender=self.through,
                action=action,
                instance=self.instance,
                reverse=self.reverse,
                model=self.model,
                pk_set=pk_set,
                using=alias,
            )

    # -- Django's async names --------------------------------------------------------------------

    async def aadd(self, *objs: Any, through_defaults: Any = None) -> None:
        """`add` under Django's async name."""
        await self.add(*objs, through_defaults=through_defaults)

    async def aremove(self, *objs: Any) -> None:
        """`remove` under Django's async name."""
        await self.remove(*objs)

    async def aclear(self) -> None:
        """`clear` under Django's async name."""
        await self.clear()

    async def aset(self, objs: Any, *, clear: bool = False, through_defaults: Any = None) -> None:
        """`set` under Django's async name."""
        await self.set(objs, clear=clear, through_defaults=through_defaults)

    async def acreate(self, *, through_defaults: Any = None, **kwargs: Any) -> Any:
        """`create` under Django's async name."""
        return await self.create(through_defaults=through_defaults, **kwargs)

    async def aget_or_create(self, *, through_defaults: Any = None, **kwargs: Any) -> tuple[Any, bool]:
        """`get_or_create` under Django's async name."""
        return await self.get_or_create(through_defaults=through_defaults, **kwargs)

    async def aupdate_or_create(self, *, through_defaults: Any = None, **kwargs: Any) -> tuple[Any, bool]:
        """`update_or_create` under Django's async name."""
        return await self.update_or_create(through_defaults=through_defaults, **kwargs)


class ManyToManyDescriptor(ReverseManyToOneDescriptor):
    """`post.tags`, or `tag.posts` with `reverse`: makes the manager for an instance."""

    def __init__(self, rel: Any, reverse: bool = False) -> None:
        super().__init__(rel)
        self.reverse = reverse

    @property
    def through(self) -> Any:
        """The model of the table between; also the sender of `m2m_changed`."""
        return self.rel.through

    @property
    def related_manager_cls(self) -> Any:
        return self._related_manager_class

    def _default_manager_class(self) -> Any:
        model = self.rel.related_model if self.reverse else self.rel.model
        return type(model._default_manager)

    def _make_class(self, superclass: Any) -> Any:
        sides = Sides(self.rel, reverse=self.reverse)
        namespace = {
            "sides": sides,
            "model": sides.target,
            "through": sides.through,
            "reverse": sides.reverse,
            "symmetrical": sides.symmetrical,
            "source_field": sides.source_field,
            "target_field": sides.target_field,
            "source_field_name": sides.source_field.name,
            "target_field_name": sides.target_field.name,
            "key_paths": tuple(
                (f"{sides.query_name}__{there.name}", there.attname) for _, there in sides.source_field.related_fields
            ),
            "manager_class_of": staticmethod(self.manager_class_of),
            "is_plain_target": superclass.is_plain,
            "cache_name": sides.cache_name,
            "tables": tables_of(sides.target, sides.through) if superclass.is_plain else None,
            "__module__": sides.target.__module__,
        }
        return class_over(superclass, ManyRelatedManager, "ManyRelatedManager", namespace)

    def _manager_for(self, instance: Any) -> Any:
        cls = self._related_manager_class
        if not cls.is_bare:
            return cls(instance)
        manager = manager_for(cls, instance)
        if held_by(manager) is None:
            manager.check_keys()
        return manager

    def _sides(self) -> tuple[str, str]:
        name = self.rel.get_accessor_name() if self.reverse else self.field.name
        return f"{'reverse' if self.reverse else 'forward'} side of a many-to-many set", str(name)
