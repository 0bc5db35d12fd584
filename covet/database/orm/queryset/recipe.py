"""QuerySets that the house builds again and again: the way to their shape, remembered.

A prefetch makes the same QuerySet each time, with other keys in it. The first is built by its methods, which
check everything; after that the shape is found by its keys, from the model's root.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from covet.database.orm.plan import Node, root_of
from covet.database.orm.queryset.core import DEFAULTS
from covet.database.orm.queryset.queryset import QuerySet
from covet.database.orm.shape import PLAIN

_BUILDING = ("__init__", "_clone", "_chain", "_step", "_shaped", "_evolve", "filter", "annotate", "order_by", "using")
_EVALUATING = ("_fetch_all", "_fetch", "_decode")


def is_ordinary(queryset_class: Any) -> bool:
    """Whether a QuerySet class builds and evaluates its queries as ours do."""
    return all(getattr(queryset_class, name) is getattr(QuerySet, name) for name in (*_BUILDING, *_EVALUATING))


class Recipe:
    """How a QuerySet of one list of values is reached from its model's root."""

    __slots__ = ("_keys", "_model", "_queryset_class")

    def __init__(self, queryset_class: Any, model: Any, keys: tuple[Hashable, ...]) -> None:
        self._queryset_class = queryset_class
        self._model = model
        self._keys = keys

    @classmethod
    def of(cls, queryset: Any) -> Recipe | None:
        """The recipe of `queryset`; None where its values are more than one list, or its shape is not kept."""
        keys = _path(queryset._node)
        values = queryset._values
        is_repeatable = keys and len(values) == 1 and type(values[0]) is list and PLAIN.issuperset(map(type, values[0]))
        return cls(type(queryset), queryset.model, keys) if is_repeatable else None

    def again(self, listed: list[Any], **conf: Any) -> Any:
        """The same QuerySet of other values; None where its shape was forgotten, or it would be another for them."""
        if not listed or not PLAIN.issuperset(map(type, listed)):
            return None
        node = root_of(self._model)
        for key in self._keys:
            found = node.children.get(key)
            if found is None:
                return None
            found.used = True
            node = found
        queryset = self._queryset_class.__new__(self._queryset_class)
        queryset.model = self._model
        queryset._node = node
        queryset._values = (listed,)
        queryset._conf = DEFAULTS.evolve(**conf)
        return queryset


def _path(node: Node) -> tuple[Hashable, ...]:
    """The keys from the root to `node`; empty where it is not in the tree."""
    keys: list[Hashable] = []
    while node.parent is not None:
        key = next((key for key, child in node.parent.children.items() if child is node), None)
        if key is None:
            return ()
        keys.append(key)
        node = node.parent
    return tuple(reversed(keys))
