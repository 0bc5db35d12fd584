"""What all related managers share: the instance, its prefetched rows, and batches for its peers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from covet.database.orm.peers import MISSING, peers_of, shared
from covet.database.orm.prefetch import Prefetched, Source

if TYPE_CHECKING:

    class ManagerLike:
        """The part of a manager that related managers build on."""

        model: Any
        _db: str | None

        def __init__(self) -> None: ...
        def get_queryset(self) -> Any: ...
        def db_manager(self, using: str | None = None) -> Any: ...
        def using(self, alias: str) -> Any: ...
        def filter(self, *args: Any, **kwargs: Any) -> Any: ...
        def exists(self) -> Any: ...
        def count(self) -> Any: ...
        def create(self, **kwargs: Any) -> Any: ...
        def get_or_create(self, defaults: Any = None, **kwargs: Any) -> Any: ...
        def update_or_create(self, defaults: Any = None, create_defaults: Any = None, **kwargs: Any) -> Any: ...
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
    instance: Any
    cache_name: str
    tables: tuple[str, ...] | None = None

    def get_queryset(self) -> Any:
        """The related objects, prefetched or to be fetched."""
        instance = self.instance
        cache = instance.__dict__.get("_prefetched_objects_cache")
        if cache:
            held = cache.get(self.cache_name)
            if type(held) is Prefetched:
                held = cache[self.cache_name] = self._unfolded(held)
            if held is not None:
                return held
        rows = self._apply_rel_filters(super().get_queryset())
        if instance._state.peers is not None and self._db is None and self.tables is not None:
            rows._related_source = RelatedRows(self)
        return rows

    def _unfolded(self, held: Prefetched) -> Any:
        queryset = super().get_queryset() if held.queryset is None else held.queryset
        sliced = held.queryset is not None and held.queryset.query.is_sliced
        rows = queryset._chain() if sliced else self._apply_rel_filters(queryset)
        rows._result_cache = held.rows
        rows._prefetch_done = True
        return rows

    def _apply_rel_filters(self, queryset: Any) -> Any:
        """`queryset` for this instance only."""
        raise AttributeError

    def get_prefetch_querysets(self, instances: Any, querysets: list[Any] | None = None) -> Source:
        """How to fetch the related objects of `instances`."""
        raise AttributeError

    def link(self, related: Any, instance: Any) -> None:
        """Let a related object know whose it is."""

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
            id(instance),
            members=self._lacking,
            fetch=self._fetch_for,
            tables=self.tables,
        )
        if found is MISSING:
            return None
        # Handed out once: who asks again wants to know what is there now.
        instance._state.peers.preloads[f"{self.cache_name}.all"].found.pop(id(instance), None)
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
        source = self.get_prefetch_querysets(instances)
        await source.queryset._fetch_all()
        by_key: dict[Any, list[Any]] = {}
        for related in source.queryset._result_cache:
            by_key.setdefault(source.related_key(related), []).append(related)
        found: dict[Any, Any] = {}
        for instance in instances:
            # The same rows for two copies of one instance would be shared between them.
            found[id(instance)] = list(by_key.get(source.instance_key(instance), ()))
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


def is_plain_manager(cls: Any, base: Any) -> bool:
    """Whether a manager class sees every row: it overrides neither `get_queryset` nor the QuerySet's making."""
    return bool(getattr(cls, "get_queryset", None) is getattr(base, "get_queryset", None))
