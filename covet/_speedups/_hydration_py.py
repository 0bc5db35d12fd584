"""Rows to instances, the reference twin of `hydration.pyx`: the state of an instance, and the loop that makes many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from weakref import ref


class ModelState:
    """What an instance knows about itself.

    Attributes:
        db: the alias it was read from or saved to; None before.
        adding: True until it is saved.
        peers: the group of one fetch, or None.
    """

    __slots__ = ("_cache", "adding", "db", "peers")

    def __init__(self, db: str | None = None, *, adding: bool = True, peers: Any = None) -> None:
        self.db = db
        self.adding = adding
        self.peers = peers
        self._cache: dict[str, Any] | None = None

    @property
    def fields_cache(self) -> dict[str, Any]:
        """Related objects by cache name."""
        cache = self._cache
        if cache is None:
            cache = self._cache = {}
        return cache

    @fields_cache.setter
    def fields_cache(self, cache: dict[str, Any]) -> None:
        self._cache = cache

    @property
    def holds_related(self) -> bool:
        """Whether any related object is held; asking for the cache would make one."""
        return bool(self._cache)

    def __getstate__(self) -> dict[str, Any]:
        return {"db": self.db, "adding": self.adding, "fields_cache": dict(self.fields_cache)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.db = state["db"]
        self.adding = state["adding"]
        self.peers = None
        self._cache = dict(state["fields_cache"])

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored_state, (self.__getstate__(),)

    def __copy__(self) -> ModelState:
        copied = ModelState(self.db, adding=self.adding, peers=self.peers)
        copied._cache = None if self._cache is None else dict(self._cache)
        return copied


def _restored_state(state: dict[str, Any]) -> ModelState:
    restored = ModelState()
    restored.__setstate__(state)
    return restored


class Hydrator:
    """Makes instances of one model out of rows.

    Args:
        model: the model class.
        names: attribute names of consecutive columns from `start`.
        start: index of the first column.
        key: index of the primary key column.
        related: hydrators of joined models.
        forward, backward: cache names of the relation on the parent instance and on this one.
        setter: `(parent, child)` for relations without a cache name.
        extras: (name, index) of annotations, set as attributes.
        converters: index to the function that the column's value goes through.
    """

    __slots__ = ("backward", "converters", "extras", "forward", "key", "model", "names", "related", "setter", "start")

    def __init__(
        self,
        model: Any,
        names: tuple[str, ...],
        start: int,
        key: int,
        related: tuple[Hydrator, ...] = (),
        forward: str | None = None,
        backward: str | None = None,
        setter: Callable[[Any, Any], None] | None = None,
        extras: tuple[tuple[str, int], ...] = (),
        converters: dict[int, Callable[[Any], Any]] | None = None,
    ) -> None:
        self.model = model
        self.names = names
        self.start = start
        self.key = key
        self.related = related
        self.forward = forward
        self.backward = backward
        self.setter = setter
        self.extras = extras
        self.converters = converters or {}

    def one(self, row: Sequence[Any], db: str, peers: Any) -> Any:
        """One instance, without what hangs on it."""
        instance = object.__new__(self.model)
        values = instance.__dict__
        values["_state"] = ModelState(db, adding=False, peers=peers)
        converters = self.converters
        for index, name in enumerate(self.names, self.start):
            convert = converters.get(index)
            values[name] = row[index] if convert is None else convert(row[index])
        return instance

    def many(self, rows: Sequence[Sequence[Any]], db: str, peers: Any) -> list[Any]:
        """Instances of the rows; `peers` is their group (None for a single one), filled here."""
        instances = self._many(rows, db, peers)
        self._annotate(instances, rows, -1)
        return instances

    def keyed(
        self, rows: Sequence[Sequence[Any]], db: str, peers: Any, apart: int
    ) -> tuple[list[Any], dict[Any, list[Any]]]:
        """Instances, and the same in groups by the annotation in column `apart`, which they do not get."""
        instances = self._many(rows, db, peers)
        self._annotate(instances, rows, apart)
        convert = self.converters.get(apart)
        groups: dict[Any, list[Any]] = {}
        for instance, row in zip(instances, rows, strict=True):
            key = row[apart] if convert is None else convert(row[apart])
            groups.setdefault(key, []).append(instance)
        return instances, groups

    def _many(self, rows: Sequence[Sequence[Any]], db: str, peers: Any) -> list[Any]:
        one = self.one
        instances = [one(row, db, peers) for row in rows]
        if peers is not None:
            peers._references = list(map(ref, instances))
        return instances

    def _annotate(self, instances: list[Any], rows: Sequence[Sequence[Any]], apart: int) -> None:
        for name, index in self.extras:
            if index == apart:
                continue
            convert = self.converters.get(index)
            for instance, row in zip(instances, rows, strict=True):
                setattr(instance, name, row[index] if convert is None else convert(row[index]))

    def attach(self, parents: list[Any], rows: Sequence[Sequence[Any]], db: str, peers: Any) -> list[Any]:
        """The joined instances of `parents`, put in their caches; None where the join found nothing."""
        children: list[Any] = []
        for parent, row in zip(parents, rows, strict=True):
            child = None
            if parent is not None and row[self.key] is not None:
                child = self.one(row, db, peers)
                if self.backward is not None:
                    child._state.fields_cache[self.backward] = parent
            children.append(child)
            if parent is None:
                continue
            if self.forward is not None:
                parent._state.fields_cache[self.forward] = child
            elif self.setter is not None:
                self.setter(parent, child)
        if peers is not None:
            peers._references = [ref(child) for child in children if child is not None]
        return children


class CachedRelation:
    """The reading half of a descriptor: the related object that an instance holds.

    Attributes:
        _cache_name: under what instances hold it; it never changes.
        _looked_up: called with an instance that holds none, or None.
    """

    _cache_name: Any
    _looked_up: Any

    def __get__(self, instance: Any, owner: type[Any] | None = None) -> Any:
        if instance is None:
            return self
        related = instance._state.fields_cache.get(self._cache_name)
        return self._looked_up(instance) if related is None else related
