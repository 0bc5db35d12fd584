"""Peers: which instances came out of one fetch, so that a relation missing on one is loaded for all.

Hydration makes a group; the descriptors of relations and deferred fields ask it. It holds nothing alive.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import ref

from covet.database.adapters.changes import changes_here


class Preload:
    """What was loaded for a group before most of its members asked.

    It serves only until this task or its kin write to a database: then a member asks for itself, so that
    nobody sees less than he would without peers.

    Attributes:
        found: the loaded objects, by the key that their members know.
    """

    __slots__ = ("_at", "_changes", "found")

    def __init__(self, found: dict[Any, Any]) -> None:
        self._changes = changes_here()
        self._at = self._changes[0]
        self.found = found

    def is_fresh(self) -> bool:
        """Whether nothing was written since."""
        return self._changes[0] == self._at and changes_here() is self._changes


class Peers:
    """A weak group of the instances of one fetch.

    Every instance points to its group and the group points back weakly: there is no reference cycle,
    and an instance that the caller dropped is gone at once and is not loaded for.

    Attributes:
        preloads: what was loaded for the group, by relation or attribute name.
    """

    __slots__ = ("_references", "preloads")

    def __init__(self, instances: Sequence[Any]) -> None:
        self._references = list(map(ref, instances))
        self.preloads: dict[str, Preload] = {}

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


def preloaded(instance: Any, name: str) -> dict[Any, Any] | None:
    """What was loaded under `name` for the group of `instance` and is still good; None when nothing is."""
    peers = instance._state.peers
    if peers is None:
        return None
    preload = peers.preloads.get(name)
    if preload is None:
        return None
    if preload.is_fresh():
        return preload.found  # type: ignore[no-any-return]
    del peers.preloads[name]
    return None


def keep_preload(instance: Any, name: str, found: dict[Any, Any]) -> None:
    """Keep what was loaded under `name` for the group of `instance`."""
    peers = instance._state.peers
    if peers is not None:
        peers.preloads[name] = Preload(found)
