"""Peers: which instances came out of one fetch, so that a relation missing on one is loaded for all.

Hydration makes a group; the descriptors of relations and deferred fields ask it. It holds nothing alive.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final
from weakref import ref

from covet.database.adapters.changes import changes_here

MISSING: Final = object()
"""Stands for "not known", where None is an answer."""


class Preload:
    """What was loaded for a group before most of its members asked.

    It serves only until this task or its kin write to one of the tables: then a member asks for itself,
    so that nobody sees older rows than he would without peers.

    Attributes:
        found: the loaded objects by the key that their members know, once they are here.
        arrival: what members that ask meanwhile wait for.
    """

    __slots__ = ("_at", "_changes", "_tables", "arrival", "found")

    def __init__(self, tables: tuple[str, ...] | None) -> None:
        self._tables = tables
        self._changes = changes_here()
        self._at = self._changes.up_to(tables)
        self.arrival: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.found: dict[Any, Any] = {}

    def is_fresh(self) -> bool:
        """Whether nothing was written since."""
        return self._changes.up_to(self._tables) == self._at and changes_here() is self._changes


class Peers:
    """A weak group of the instances of one fetch.

    Every instance points to its group and the group points back weakly: there is no reference cycle,
    and an instance that the caller dropped is gone at once and is not loaded for.

    Attributes:
        preloads: what was loaded for the group, by relation or attribute name; None once it was outdated.
    """

    __slots__ = ("_references", "preloads")

    def __init__(self, instances: Sequence[Any]) -> None:
        self._references = list(map(ref, instances))
        self.preloads: dict[str, Preload | None] = {}

    def join(self, instances: Sequence[Any]) -> None:
        """Make `instances` the group's members, and the group theirs."""
        self._references = list(map(ref, instances))
        for instance in instances:
            instance._state.peers = self

    def living(self) -> list[Any]:
        """The instances that still exist, in the order of the fetch."""
        return [instance for reference in self._references if (instance := reference()) is not None]

    def __reduce__(self) -> tuple[Any, ...]:
        # A pickled or deep-copied instance leaves its group: the others did not travel with it.
        return (Peers, ((),))

    def __deepcopy__(self, _memo: dict[int, Any]) -> Peers:
        return Peers(())


def group(instances: Sequence[Any]) -> None:
    """Make `instances` each other's peers (a single one has none)."""
    if len(instances) < 2:
        return
    peers = Peers(instances)
    for instance in instances:
        instance._state.peers = peers


def peers_of(instance: Any) -> list[Any]:
    """The instance and everything fetched with it that is still alive."""
    peers = getattr(instance._state, "peers", None)
    if peers is None:
        return [instance]
    living: list[Any] = peers.living()
    if not any(other is instance for other in living):
        living.append(instance)
    return living


def at_hand(instance: Any, name: str, key: Any) -> Any:
    """What `name` is for `instance` out of a batch that is here already and still good; else MISSING. Never waits."""
    peers = instance._state.peers
    if peers is None:
        return MISSING
    preload = peers.preloads.get(name)
    if preload is None or not preload.is_fresh():
        return MISSING
    return preload.found.get(key, MISSING)


async def shared(
    instance: Any,
    name: str,
    key: Any,
    *,
    members: Callable[[], list[Any]],
    fetch: Callable[[list[Any]], Awaitable[dict[Any, Any]]],
    tables: tuple[str, ...] | None,
) -> Any:
    """What `name` is for `instance`, loaded for its whole group; MISSING when it must ask for itself.

    Args:
        instance: who asks.
        name: the relation or attribute.
        key: what the answer is found under.
        members: those of the group for whom it is to be loaded, `instance` included.
        fetch: loads it for them, by key.
        tables: the tables that it is read from; None when they are not known.
    """
    peers = instance._state.peers
    if peers is None:
        return MISSING
    if name in peers.preloads:
        return await _from_preload(peers, name, key)
    group = members()
    if len(group) < 2:
        return MISSING
    preload = peers.preloads[name] = Preload(tables)
    try:
        preload.found = await fetch(group)
    except BaseException:
        # Whoever waits asks for himself, and meets the error himself.
        peers.preloads.pop(name, None)
        raise
    finally:
        preload.arrival.set_result(None)
    return preload.found.get(key, MISSING)


async def _from_preload(peers: Peers, name: str, key: Any) -> Any:
    preload = peers.preloads[name]
    if preload is None:
        return MISSING
    if not preload.arrival.done():
        if preload.arrival.get_loop() is not asyncio.get_running_loop():
            return MISSING
        await asyncio.shield(preload.arrival)
    if preload.is_fresh():
        return preload.found.get(key, MISSING)
    # Who writes between his reads would load the whole group again at each of them.
    peers.preloads[name] = None
    return MISSING
