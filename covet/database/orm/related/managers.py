"""What all related managers share: the instance, its prefetched rows, and batches for its peers."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

from covet.database.orm.hydration import by_key
from covet.database.orm.managers import BaseManager
from covet.database.orm.peers import MISSING, peers_of, shared
from covet.database.orm.prefetch import Prefetched, Source, held_by, holding
from covet.database.orm.queryset.held import held_class, held_rows
from covet.database.orm.queryset.recipe import Recipe, is_ordinary
from covet.database.orm.related.deprecated import OldPrefetchName

if TYPE_CHECKING:

    class ManagerLike:
        """The part of a manager that related managers build on."""

        model: Any
        _db: str | None
        _hints: dict[str, Any]

        _queryset_class: Any
        _is_async: bool

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


class RelatedManagerBase(OldPrefetchName, ManagerLike):
    """A manager of the objects related to one instance.

    Attributes:
        instance: whose related objects these are.
        cache_name: the key of its prefetched rows.
        tables: the tables that they are read from; None when they are not known.
        has_plain_init: whether the related model's manager class has no `__init__` of its own.
        needs_instance_only, is_bare: whether nothing but the instance has to be set, before and after that is known.
        is_ordinary: whether its QuerySets are built as ours are, so that a prefetch may be repeated by its `recipe`.
    """

    do_not_call_in_templates = True
    has_plain_init = False
    needs_instance_only = False
    is_bare = False
    instance: Any
    cache_name: str
    tables: tuple[str, ...] | None = None
    is_ordinary = False
    recipe: Recipe | None = None

    def __init__(self, instance: Any) -> None:
        if not self.has_plain_init:
            super().__init__()
        self.instance = instance

    def get_queryset(self) -> Any:
        """The related objects, prefetched or to be fetched."""
        held = held_by(self)
        if held is None:
            return self._limited(super().get_queryset())
        return holding(self, held_class(self._queryset_class), held) if type(held) is Prefetched else held

    def all(self) -> Any:
        """All related objects."""
        held = held_by(self)
        if type(held) is Prefetched and not self._is_async:
            return holding(self, held_class(self._queryset_class), held)
        return self._rows()

    def _stood_for(self, given: Any) -> Any:
        """The QuerySet that prefetched rows stand for, fetched with `given` (None: with the relation's own)."""
        return self._plain_rows() if given is None else self._narrowed(given)

    def _plain_rows(self) -> Any:
        """The QuerySet that plainly prefetched rows stand for."""
        return self._apply_rel_filters(super().get_queryset())

    def _narrowed(self, given: Any) -> Any:
        """The QuerySet that rows prefetched with a QuerySet of the caller's stand for."""
        return given._chain() if given._facts.sliced else self._apply_rel_filters(given._chain())

    async def _query(self) -> Any:
        """`get_queryset()`, awaited where the manager's own is async."""
        rows = self.get_queryset()
        return await rows if inspect.iscoroutine(rows) else rows

    async def _every(self) -> Any:
        """What the manager sees, related or not."""
        rows = super().get_queryset()
        return (await rows if inspect.iscoroutine(rows) else rows)._chain()

    def _limited(self, queryset: Any) -> Any:
        """`queryset` for this instance; its rows may come out of a batch for all peers."""
        rows = self._apply_rel_filters(queryset)
        if self.instance._state.peers is not None and self._db is None and self.tables is not None:
            rows._related_source = RelatedRows(self)
        return rows

    def _apply_rel_filters(self, queryset: Any) -> Any:
        """`queryset` for this instance only."""
        raise AttributeError

    async def get_prefetch_querysets(self, instances: Any, querysets: list[Any] | None = None) -> Source:
        """How to fetch the related objects of `instances`."""
        raise AttributeError

    async def _related_to(self, wanted: list[Any], instance: Any, given: Any) -> Any:
        """The QuerySet that prefetches for the keys `wanted`: as one before was built, or built by its methods.

        Args:
            wanted: the keys.
            instance: the first of those for whom it is, for routers.
            given: the caller's QuerySet; None for all related objects.
        """
        if given is not None:
            return await self._prefetching(wanted, instance, given)
        recipe = self.recipe
        rows = recipe and recipe.again(wanted, db=self._db, hints={**self._hints, "instance": instance})
        if rows is None:
            rows = await self._prefetching(wanted, instance, None)
            if self.is_ordinary:
                type(self).recipe = Recipe.of(rows)
        return rows

    async def _prefetching(self, wanted: Any, instance: Any, given: Any) -> Any:
        """The QuerySet of what is related to `wanted`, out of `given` or of all."""
        raise AttributeError

    def link(self, found: Any, instance: Any) -> None:
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
        for one in rows:
            self.link(one, instance)
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
        groups = by_key(source.queryset._result_cache, source.related_key)
        return {instance.pk: groups.get(source.instance_key(instance), []) for instance in instances}


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
    body["is_ordinary"] = superclass.is_plain and is_ordinary(superclass._queryset_class)  # noqa: SLF001
    body["has_plain_init"] = superclass.__init__ is BaseManager.__init__
    if body["has_plain_init"]:
        # What BaseManager's __new__ and __init__ set, once for all instances: one is made for each `post.tags`.
        body.update(name=None, _db=None, _hints={}, creation_counter=0, _constructor_args=((), {}))
        if superclass.__new__ is BaseManager.__new__:
            body["__new__"] = _bare
            body["is_bare"] = base.needs_instance_only
    if inspect.iscoroutinefunction(superclass.get_queryset):
        body["get_queryset"] = _async_get_queryset
    return type(name, (base, superclass), body)


def _bare(cls: Any, *_args: Any) -> Any:
    return object.__new__(cls)


async def _async_get_queryset(self: Any) -> Any:
    """`RelatedManagerBase.get_queryset` over a manager whose own is async."""
    queryset = await super(RelatedManagerBase, self).get_queryset()
    held = held_by(self)
    if held is None:
        return self._limited(queryset)
    if type(held) is not Prefetched:
        return held
    given = held.queryset
    narrow, start = (self._apply_rel_filters, queryset) if given is None else (self._narrowed, given)
    return held_rows(self._queryset_class, self.model, held.rows, functools.partial(narrow, start))
