"""What is done for each instance of a prefetched page: the reference twin of `prefetched.pyx`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

CACHE = "_prefetched_objects_cache"


class Prefetched:
    """The objects prefetched for one instance, until somebody wants a QuerySet of them.

    Attributes:
        rows: the objects. queryset: the `Prefetch.queryset` they came from, if any.
    """

    __slots__ = ("queryset", "rows")

    def __init__(self, rows: list[Any], queryset: Any = None) -> None:
        self.rows = rows
        self.queryset = queryset

    def __iter__(self) -> Iterator[Any]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> Any:
        return self.rows[index]

    def __reduce__(self) -> tuple[Any, ...]:
        return Prefetched, (self.rows, self.queryset)


def hand_out(
    instances: list[Any], groups: dict[Any, list[Any]], key: Callable[[Any], Any], name: str, queryset: Any
) -> None:
    """Give each instance its group under `name`; an empty list where it has none."""
    for instance in instances:
        getattr(instance, CACHE)[name] = Prefetched(groups.get(key(instance), []), queryset)


def manager_for(cls: Any, instance: Any) -> Any:
    """The related manager of an instance, where its class does nothing else to make one."""
    manager = object.__new__(cls)
    manager.instance = instance
    return manager


def held_by(manager: Any) -> Any:
    """What was prefetched for the manager's instance; None for nothing."""
    cache = manager.instance.__dict__.get(CACHE)
    return cache.get(manager.cache_name) if cache else None


def holding(manager: Any, cls: Any, held: Prefetched) -> Any:
    """A QuerySet of class `cls` that holds prefetched rows, and knows whom to ask for its query."""
    rows = object.__new__(cls)
    rows.model = manager.model
    rows._result_cache = held.rows
    rows._origin = (manager, held.queryset)
    return rows
