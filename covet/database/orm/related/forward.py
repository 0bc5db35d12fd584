"""The forward side of foreign keys and one-to-one relations: `post.author`."""

from __future__ import annotations

import functools
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from covet._speedups import select
from covet.database.orm.fields.attributes import DeferredAttribute
from covet.database.orm.implicit import load_now
from covet.database.orm.peers import MISSING, at_hand, peers_of, shared
from covet.database.orm.prefetch import Source
from covet.database.orm.related.access import add_awaitable, tables_of
from covet.database.orm.related.assignment import agree_on_database, check_kind
from covet.database.orm.related.deprecated import OldPrefetchName
from covet.database.orm.related.filters import reverse_filter

if TYPE_CHECKING:
    from covet._speedups._hydration_py import CachedRelation
else:
    CachedRelation = select("hydration").CachedRelation


class ForeignKeyDeferredAttribute(DeferredAttribute):
    """The column of a foreign key (`post.author_id`): another value drops the related object."""

    def __set__(self, instance: Any, value: Any) -> None:
        held = instance.__dict__
        name = self.field.attname
        if held.get(name) != value and self.field.is_cached(instance):
            self.field.delete_cached_value(instance)
        held[name] = value


class ForwardManyToOneDescriptor(OldPrefetchName, CachedRelation):
    """`post.author`: the cached object, or it is loaded, for all peers of `post` in one query.

    Raises on reading:
        RelatedObjectDoesNotExist: the key is NULL where the column does not allow it.
        ObjectDoesNotExist: the row is not there.
        RelationNotLoaded: it is not loaded and nothing can wait here.
    """

    def __init__(self, field_with_rel: Any) -> None:
        self.field = field_with_rel
        add_awaitable(field_with_rel.model, field_with_rel.name, self.aget)

    @functools.cached_property
    def RelatedObjectDoesNotExist(self) -> type[Exception]:  # noqa: N802 - Django's name
        """Raised where a required related object is missing; also an AttributeError."""
        model = self.field.model
        bases = (self.field.remote_field.model.DoesNotExist, AttributeError)
        qualified = f"{model.__qualname__}.{self.field.name}.RelatedObjectDoesNotExist"
        return type("RelatedObjectDoesNotExist", bases, {"__module__": model.__module__, "__qualname__": qualified})

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (self.field.model, self.field.name)

    def is_cached(self, instance: Any) -> bool:
        """Whether the related object is here."""
        return bool(self.field.is_cached(instance))

    def get_queryset(self, *, instance: Any) -> Any:
        """Where the related object is looked for."""
        manager = self.field.remote_field.model._base_manager
        return manager.db_manager(hints={"instance": instance}).all()

    def get_prefetch_querysets(self, instances: Any, querysets: list[Any] | None = None) -> Source:
        """How to fetch the related objects of `instances`."""
        queryset = only_one(querysets) if querysets else self.get_queryset(instance=instances[0])
        queryset._add_hints(instance=instances[0])
        field = self.field
        # One object belongs to each key: their order is of no use.
        if self._attname is None:
            local = field.get_local_related_value
            rows = self._by_columns(queryset, [values for values in map(local, instances) if None not in values])
            return Source(rows.order_by(), field.get_foreign_related_value, local, True, field.cache_name, False)
        key, there = self._key_of, field.foreign_related_fields[0]
        values = dict.fromkeys([value for instance in instances if (value := key(instance)) is not None])
        rows = queryset.filter(**{f"{there.name}__in": list(values)}).order_by()
        return Source(rows, attrgetter(there.attname), key, True, field.cache_name, False)

    def _by_columns(self, queryset: Any, keys: list[tuple[Any, ...]]) -> Any:
        """Rows of which each column is in one of `keys`: perhaps too many, matching by whole keys drops those."""
        if not keys:
            return queryset.none()
        columns = zip(self.field.foreign_related_fields, zip(*keys, strict=True), strict=True)
        return queryset.filter(**{f"{there.name}__in": list(dict.fromkeys(values)) for there, values in columns})

    @functools.cached_property
    def link(self) -> Any:
        """Lets the related object of a one-to-one relation know its other side; None for other relations."""
        remote = self.field.remote_field
        return None if remote.multiple else remote.set_cached_value

    def _looked_up(self, instance: Any) -> Any:
        """What reading the attribute gives where no related object is held."""
        related = instance._state.fields_cache.get(self._cache_name, MISSING)
        if related is MISSING:
            related = self._find(instance)
        if related is None and not self.field.null:
            raise self._absent()
        return related

    async def aget(self, instance: Any) -> Any:
        """What reading the attribute gives, awaited; `await post.aauthor` calls it."""
        related = self.field.get_cached_value(instance, default=MISSING)
        if related is MISSING:
            related = self._known_without_query(instance, self._key_of(instance))
        if related is MISSING:
            related = await self._load(instance)
        if related is None and not self.field.null:
            raise self._absent()
        return related

    def _absent(self) -> Exception:
        return self.RelatedObjectDoesNotExist(f"{self.field.model.__name__} has no {self.field.name}.")

    def _find(self, instance: Any) -> Any:
        key = self._key_of(instance)
        if key is not None:
            related = at_hand(instance, self._cache_name, key)
            if related is not MISSING:
                return self._keep(instance, related)
        related = self._known_without_query(instance, key)
        if related is not MISSING:
            return related
        name = self.field.name
        advice = f"use `select_related({name!r})` in the query, or `await` the attribute `a{name}`"
        return load_now(instance, name, self._load, advice)

    @functools.cached_property
    def _cache_name(self) -> str:
        return str(self.field.cache_name)

    @functools.cached_property
    def _attname(self) -> str | None:
        """The one attribute that holds the key; None when several do."""
        local = self.field.local_related_fields
        return str(local[0].attname) if len(local) == 1 else None

    def _key_of(self, instance: Any) -> Any:
        """What the related object is found under: the key's value, or a tuple of them; None when it is NULL."""
        name = self._attname
        if name is not None:
            held = instance.__dict__
            return held[name] if name in held else getattr(instance, name)
        values = self.field.get_local_related_value(instance)
        return None if None in values else values

    def _known_without_query(self, instance: Any, key: Any) -> Any:
        """None for a NULL key, or what a multi-table parent holds; else MISSING."""
        field = self.field
        if key is None:
            field.set_cached_value(instance, None)
            return None
        link = instance._meta.get_ancestor_link(field.model)
        if link and link.is_cached(instance):
            related = field.get_cached_value(link.get_cached_value(instance), default=None)
            if related is not None:
                field.set_cached_value(instance, related)
                return related
        return MISSING

    def _keep(self, instance: Any, related: Any) -> Any:
        link = self.link
        if link is not None:
            link(related, instance)
        instance._state.fields_cache[self._cache_name] = related
        return related

    async def _load(self, instance: Any) -> Any:
        related = await shared(
            instance,
            self.field.cache_name,
            self._key_of(instance),
            members=functools.partial(self._lacking, instance),
            fetch=self._fetch_for,
            tables=self._tables,
        )
        return self._keep(instance, await self.get_object(instance) if related is MISSING else related)

    @functools.cached_property
    def _tables(self) -> tuple[str, ...]:
        return tables_of(self.field.remote_field.model)

    def _lacking(self, instance: Any) -> list[Any]:
        """The peers for whom the related object is wanted too."""
        if self.field.has_extra_descriptor_filter and self.field.get_extra_descriptor_filter(instance):
            # Each instance has a condition of its own.
            return [instance]
        model, attname, name, db = self.field.model, self._attname or "", self._cache_name, instance._state.db
        return [
            peer
            for peer in peers_of(instance)
            if (self._attname is None or peer.__dict__.get(attname) is not None)
            and peer._state.db == db
            and isinstance(peer, model)
            and name not in peer._state.fields_cache
        ]

    async def _fetch_for(self, instances: list[Any]) -> dict[Any, Any]:
        source = self.get_prefetch_querysets(instances)
        await source.queryset._fetch_all()
        return {source.related_key(row): row for row in source.queryset._result_cache}

    async def get_object(self, instance: Any) -> Any:
        """The related object of one instance, by a query of its own.

        Raises:
            ObjectDoesNotExist: the row is not there (the related model's own `DoesNotExist`).
        """
        name = self._only_condition
        if name is None:
            return await self.get_queryset(instance=instance).get(reverse_filter(self.field, instance))
        manager = self.field.remote_field.model._base_manager
        key = {name: self._key_of(instance)}
        if manager.is_plain and type(self).get_queryset is ForwardManyToOneDescriptor.get_queryset:
            return await manager._rows()._evolve(hints={"instance": instance})._get((), key)  # noqa: SLF001 - hot
        return await self.get_queryset(instance=instance).get(**key)

    @functools.cached_property
    def _only_condition(self) -> str | None:
        """The one column that finds the related object; None where it takes more than that."""
        field = self.field
        is_simple = self._attname is not None and not field.has_extra_descriptor_filter
        return str(field.foreign_related_fields[0].attname) if is_simple else None

    def __set__(self, instance: Any, value: Any) -> None:
        field = self.field
        remote = field.remote_field
        if value is None:
            related = field.get_cached_value(instance, default=None)
            if related is not None and not remote.multiple:
                # The object that was on the other side must not go on pointing here.
                remote.set_cached_value(related, None)
            for local, _ in field.related_fields:
                setattr(instance, local.attname, None)
        else:
            check_kind(instance, field.name, value, remote.model)
            agree_on_database(instance, value)
            for local, foreign in field.related_fields:
                setattr(instance, local.attname, getattr(value, foreign.attname))
        field.set_cached_value(instance, value)
        if value is not None and not remote.multiple:
            remote.set_cached_value(value, instance)


class ForwardOneToOneDescriptor(ForwardManyToOneDescriptor):
    """`place.restaurant` from the side with the column; a link to a multi-table parent needs no query."""

    def _known_without_query(self, instance: Any, key: Any) -> Any:
        related = super()._known_without_query(instance, key)
        if related is MISSING and self.field.remote_field.parent_link:
            parent = self._parent_from(instance)
            if parent is not None:
                self.link(parent, instance)
                self.field.set_cached_value(instance, parent)
                return parent
        return related

    async def get_object(self, instance: Any) -> Any:
        if self.field.remote_field.parent_link:
            parent = self._parent_from(instance)
            if parent is not None:
                return parent
        return await super().get_object(instance)

    def _parent_from(self, instance: Any) -> Any:
        """The parent made of the child's own values; None when not all of them are loaded."""
        model = self.field.remote_field.model
        held = instance.__dict__
        names = [field.attname for field in model._meta.concrete_fields]
        if any(name not in held for name in names):
            return None
        parent = model(**{name: held[name] for name in names})
        parent._state.adding = instance._state.adding
        parent._state.db = instance._state.db
        return parent

    def __set__(self, instance: Any, value: Any) -> None:
        super().__set__(instance, value)
        field = self.field
        if not (field.primary_key and field.remote_field.parent_link):
            return
        # The keys that come with the parent are the new parent's.
        for inherited in instance._meta.concrete_fields:
            if inherited.primary_key and inherited.remote_field:
                name = inherited.remote_field.model._meta.pk.attname
                setattr(instance, name, getattr(value, name) if value is not None else None)


def only_one(querysets: list[Any]) -> Any:
    """The QuerySet that a Prefetch was given."""
    if len(querysets) != 1:
        message = "querysets argument of get_prefetch_querysets() should have a length of 1."
        raise ValueError(message)
    return querysets[0]
