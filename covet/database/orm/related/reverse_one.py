"""The reverse side of one-to-one relations: `place.restaurant` from the side without the column."""

from __future__ import annotations

import functools
from typing import Any

from covet.database.orm.implicit import load_now
from covet.database.orm.peers import MISSING, peers_of, shared
from covet.database.orm.prefetch import Source
from covet.database.orm.related.access import add_awaitable, tables_of
from covet.database.orm.related.assignment import agree_on_database, check_kind
from covet.database.orm.related.deprecated import OldPrefetchName
from covet.database.orm.related.filters import forward_filter
from covet.database.orm.related.forward import only_one
from covet.exceptions import ObjectDoesNotExist


class ReverseOneToOneDescriptor(OldPrefetchName):
    """`place.restaurant`: the cached object, or it is loaded, for all peers of `place` in one query.

    Raises on reading:
        RelatedObjectDoesNotExist: no row refers to the instance.
        RelationNotLoaded: it is not loaded and nothing can wait here.
    """

    def __init__(self, related: Any) -> None:
        self.related = related
        add_awaitable(related.model._meta.concrete_model, related.get_accessor_name(), self.aget)

    @functools.cached_property
    def RelatedObjectDoesNotExist(self) -> type[Exception]:  # noqa: N802 - Django's name
        """Raised where nothing refers to the instance; also an AttributeError."""
        model = self.related.model
        bases = (self.related.related_model.DoesNotExist, AttributeError)
        qualified = f"{model.__qualname__}.{self.related.name}.RelatedObjectDoesNotExist"
        return type("RelatedObjectDoesNotExist", bases, {"__module__": model.__module__, "__qualname__": qualified})

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (self.related.model, self.related.name)

    def is_cached(self, instance: Any) -> bool:
        """Whether the related object, or its absence, is known."""
        return bool(self.related.is_cached(instance))

    def get_queryset(self, *, instance: Any) -> Any:
        """Where the related object is looked for."""
        manager = self.related.related_model._base_manager
        return manager.db_manager(hints={"instance": instance}).all()

    def get_prefetch_querysets(self, instances: Any, querysets: list[Any] | None = None) -> Source:
        """How to fetch the related objects of `instances`."""
        queryset = only_one(querysets) if querysets else self.get_queryset(instance=instances[0])
        queryset._add_hints(instance=instances[0])
        field = self.related.field
        rows = queryset.filter(**{f"{field.name}__in": instances}).order_by()
        return Source(
            rows,
            field.get_local_related_value,
            field.get_foreign_related_value,
            True,
            self.related.cache_name,
            False,
        )

    def link(self, related: Any, instance: Any) -> None:
        """Let the related object know its other side."""
        self.related.field.set_cached_value(related, instance)

    def __get__(self, instance: Any, owner: type[Any] | None = None) -> Any:
        if instance is None:
            return self
        related = self.related.get_cached_value(instance, default=MISSING)
        if related is MISSING:
            related = self._find(instance)
        if related is None:
            raise self._absent(instance)
        return related

    async def aget(self, instance: Any) -> Any:
        """What reading the attribute gives, awaited."""
        related = self.related.get_cached_value(instance, default=MISSING)
        if related is MISSING:
            related = None if instance.pk is None else await self._load(instance)
        if related is None:
            raise self._absent(instance)
        return related

    def _absent(self, instance: Any) -> Exception:
        return self.RelatedObjectDoesNotExist(f"{type(instance).__name__} has no {self.related.get_accessor_name()}.")

    def _find(self, instance: Any) -> Any:
        if instance.pk is None:
            return None
        name = self.related.get_accessor_name()
        advice = f"use `select_related({name!r})` in the query, or `await` the attribute `a{name}`"
        return load_now(instance, name, self._load, advice)

    async def _load(self, instance: Any) -> Any:
        """The related object, or None."""
        related = await shared(
            instance,
            self.related.cache_name,
            self.related.field.get_foreign_related_value(instance),
            members=functools.partial(self._lacking, instance),
            fetch=self._fetch_for,
            tables=self._tables,
        )
        if related is MISSING:
            rows = self.get_queryset(instance=instance)
            try:
                related = await rows.get(**forward_filter(self.related.field, instance))
            except ObjectDoesNotExist as error:
                if not isinstance(error, self.related.related_model.DoesNotExist):
                    raise
                related = None
        if related is not None:
            self.link(related, instance)
        self.related.set_cached_value(instance, related)
        return related

    @functools.cached_property
    def _tables(self) -> tuple[str, ...]:
        return tables_of(self.related.related_model)

    def _lacking(self, instance: Any) -> list[Any]:
        """The peers for whom the related object is wanted too."""
        related, db = self.related, instance._state.db
        return [
            peer
            for peer in peers_of(instance)
            if peer.pk is not None
            and peer._state.db == db
            and isinstance(peer, related.model)
            and not related.is_cached(peer)
        ]

    async def _fetch_for(self, instances: list[Any]) -> dict[Any, Any]:
        source = self.get_prefetch_querysets(instances)
        await source.queryset._fetch_all()
        found = dict.fromkeys([source.instance_key(instance) for instance in instances])
        found.update((source.related_key(row), row) for row in source.queryset._result_cache)
        return found

    def __set__(self, instance: Any, value: Any) -> None:
        relation = self.related
        if value is None:
            related = relation.get_cached_value(instance, default=None)
            if related is not None:
                relation.delete_cached_value(instance)
                setattr(related, relation.field.name, None)
            return
        check_kind(instance, relation.get_accessor_name(), value, relation.related_model)
        agree_on_database(instance, value)
        for local, foreign in relation.field.related_fields:
            setattr(value, local.attname, getattr(instance, foreign.attname))
        relation.set_cached_value(instance, value)
        relation.field.set_cached_value(value, instance)
