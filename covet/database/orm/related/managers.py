"""What all related managers share: the instance, its prefetched rows, and batches for its peers."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from covet.database.orm.managers import BaseManager
from covet.database.orm.peers import MISSING, peers_of, shared
from covet.database.orm.prefetch import Prefetched, Source
from covet.database.orm.queryset.held import held_rows

if TYPE_CHECKING:

    class ManagerLike:
        """The part of a manager that related managers build on."""

        model: Any
        _db: str | None

        _queryset_class: Any

        def __init__(self) -> None: ...
        def get_queryset(self) -> Any: ...
        def db_manager(self, using: str | None = None) -> Any: ...
        def using(self, alias: str) -> Any: ...
        def filter(self, *args: Any, **kwargs: Any) -> Any: ...
        def exists(self) -> Any: ...
        def count(self) -> Any: ...
        def _rows(self) -> Any: ...
        def create(self, **kwargs: Any) -> Any: ...
        def get_or_create(self, **kwargs: Any) -> Any: ...
        def update_or_create(self, **kwargs: Any) -> Any: ...
else:
    ManagerLike = object


class RelatedRows:
    """Where `user.posts.all()` may take its rows from: a batch for all peers of `user`."""

    __slots__ = ("manager",)

    def __init__(self, manager: RelatedManagerBase) -> None:
        self.manager = manager

    async def rows(self) -> list[Any] | None:
        """The rows, or None when the QuerySet has to ask for itself."""
        return await self.manager.batched_rows()


class RelatedManagerBase(ManagerLike):
    """A manager of the objects related to one instance.

    Attributes:
        instance: whose related objects these are.
        cache_name: the key of its prefetched rows.
        tables: the tables that they are read from; None when they are not known.
    """

    do_not_call_in_templates = True
    has_plain_init = False
    instance: Any
    cache_name: str
    tables: tuple[str, ...] | None = None

    def __init__(self, instance: Any) -> None:
        if not self.has_plain_init:
            super().__init__()
        self.instance = instance

    def get_queryset(self) -> Any:
        """The related objects, prefetched or to be fetched."""
        held = self._held()
        if held is None:
            return self._limited(super().get_queryset())
        if type(held) is not Prefetched:
            return held
        if held.queryset is not None:
            return self._unfolded(held, super().get_queryset())
        plain = super().get_queryset
        rows = held_rows(self._queryset_class, self.model, held.rows, lambda: self._apply_rel_filters(plain()))
        self.instance._prefetched_objects_cache[self.cache_name] = rows
        return rows

    def all(self) -> Any:
        """All related objects."""
        return self._rows()

    async def _query(self) -> Any:
        """`get_queryset()`, awaited where the manager's own is async."""
        rows = self.get_queryset()
        return await rows if inspect.iscoroutine(rows) else rows

    async def _every(self) -> Any:
        """What the manager sees, related or not."""
        rows = super().get_queryset()
        return (await rows if inspect.iscoroutine(rows) else rows)._chain()

    def _held(self) -> Any:
        """The prefetched rows, in whatever form; None when there are none."""
        cache = self.instance.__dict__.get("_prefetched_objects_cache")
        return cache.get(self.cache_name) if cache else None

    def _limited(self, queryset: Any) -> Any:
        """`queryset` for this instance; its rows may come out of a batch for all peers."""
        rows = self._apply_rel_filters(queryset)
        if self.instance._state.peers is not None and self._db is None and self.tables is not None:
            rows._related_source = RelatedRows(self)
        return rows

    def _unfolded(self, held: Prefetched, queryset: Any) -> Any:
        """A QuerySet of the prefetched rows, kept in their place."""
        given = held.queryset
        if given is not None and given.query.is_sliced:
            rows = given._chain()
        else:
            rows = self._apply_rel_filters(queryset if given is None else given._chain())
        rows._result_cache = held.rows
        rows._prefetch_done = True
        self.instance._prefetched_objects_cache[self.cache_name] = rows
        return rows

    def _apply_rel_filters(self, queryset: Any) -> Any:
        """`queryset` for this instance only."""
        raise AttributeError

    async def get_prefetch_querysets(self, instances: Any, querysets: list[Any] | None = None) -> Source:
        """How to fetch the related objects of `instances`."""
        raise AttributeError

    def link(self, related: Any, instance: Any) -> None:
        """Let a related object know whose it is."""

    link.links_nothing = True  # type: ignore[attr-defined]

    def _remove_prefetched_objects(self) -> None:
        cache = self.instance.__dict__.get("_prefetched_objects_cache")
        if cache:
            cache.pop(self.cache_name, None)

    async def batched_rows(self) -> list[Any] | None:
        """This instance's rows out of a batch for all its peers; None when there is no such batch."""
        instance = self.instance
        found = await shared(
            instance,
            f"{self.cache_name}.all",
            instance.pk,
            members=self._lacking,
            fetch=self._fetch_for,
            tables=self.tables,
        )
        if found is MISSING:
            return None
        # Handed out once: who asks again wants to know what is there now.
        preload = instance._state.peers.preloads[f"{self.cache_name}.all"]
        if preload is not None:
            preload.found.pop(instance.pk, None)
        rows: list[Any] = found
        for related in rows:
            self.link(related, instance)
        return rows

    def _lacking(self) -> list[Any]:
        kind, db, name = type(self.instance), self.instance._state.db, self.cache_name
        return [
            peer
            for peer in peers_of(self.instance)
            if type(peer) is kind
            and peer.pk is not None
            and peer._state.db == db
            and name not in peer.__dict__.get("_prefetched_objects_cache", ())
        ]

    async def _fetch_for(self, instances: list[Any]) -> dict[Any, Any]:
        source = await self.get_prefetch_querysets(instances)
        await source.queryset._fetch_all()
        by_key: dict[Any, list[Any]] = {}
        for related in source.queryset._result_cache:
            by_key.setdefault(source.related_key(related), []).append(related)
        found: dict[Any, Any] = {}
        for instance in instances:
            found[instance.pk] = by_key.get(source.instance_key(instance), [])
        return found


async def evaluated(objs: Any) -> tuple[Any, ...]:
    """`objs` as a tuple: a list, a QuerySet, or anything that is iterated asynchronously."""
    if hasattr(objs, "_fetch_all"):
        await objs._fetch_all()
        return tuple(objs._result_cache)
    if hasattr(objs, "__aiter__") and not hasattr(objs, "__iter__"):
        return tuple([obj async for obj in objs])
    return tuple(objs)


def wrong_kind(model: Any, obj: Any) -> TypeError:
    """The error for an object of another model."""
    return TypeError(f"'{model._meta.object_name}' instance expected, got {obj!r}")


def class_over(superclass: Any, base: type[RelatedManagerBase], name: str, namespace: dict[str, Any]) -> Any:
    """The related manager class of one relation over the related model's manager class."""
    body = dict(namespace)
    body["has_plain_init"] = superclass.__init__ is BaseManager.__init__
    if body["has_plain_init"]:
        # What BaseManager.__init__ sets, once for all instances.
        body.update(name=None, _db=None, _hints={}, creation_counter=0)
    if inspect.iscoroutinefunction(superclass.get_queryset):
        body["get_queryset"] = _async_get_queryset
    return type(name, (base, superclass), body)


async def _async_get_queryset(self: Any) -> Any:
    """`RelatedManagerBase.get_queryset` over a manager whose own is async."""
    queryset = await super(RelatedManagerBase, self).get_queryset()
    held = self._held()
    if held is None:
        return self._limited(queryset)
    return self._unfolded(held, queryset) if type(held) is Prefetched else held
