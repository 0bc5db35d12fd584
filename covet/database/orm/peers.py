"""Peers: which instances came out of one fetch, so that a relation missing on one is loaded for all.

Hydration makes a group; the descriptors of relations and deferred fields ask it. It holds nothing alive.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import ref


class Peers:
    """A weak group of the instances of one fetch.

    Every instance points to its group and the group points back weakly: there is no reference cycle,
    and an instance that the caller dropped is gone at once and is not loaded for.
    """

    __slots__ = ("_references",)

    def __init__(self, instances: Sequence[Any]) -> None:
        self._references = list(map(ref, instances))

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
