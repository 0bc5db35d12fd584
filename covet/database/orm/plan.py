"""Plans: compiled queries, kept by shape.

A QuerySet points to a `Node` of its model's shape tree; each chained call goes to the child of that
call's structural key. A node keeps what it compiled to, per database and terminal (`rows`, `count` …).
This module knows nothing of SQL: a plan is whatever the floors above put there.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable
from typing import Any, Final, Protocol

from covet.conf import settings
from covet.database.connections import connections
from covet.database.orm.expressions import identity
from covet.database.orm.lookups import registry
from covet.database.orm.options.base import Options

MAX_SHAPES: Final = 20_000


class Operation(Protocol):
    """One frozen QuerySet operation."""

    def apply(self, query: Any) -> None:
        """Do it to a Query."""


class ShapeStatistics:
    """Counts that show whether shapes are reused.

    Attributes:
        nodes: shapes held now. compiled: plans made since the start. evictions: how often a model's
            tree was thrown away because the shapes exceeded the limit.
    """

    def __init__(self) -> None:
        self.nodes = 0
        self.compiled = 0
        self.evictions = 0
        self.limit = MAX_SHAPES


statistics = ShapeStatistics()


class Node:
    """One shape: a model and the operations so far.

    Attributes:
        model: the model class. parent: the shape before the last operation (None for a root).
        operation: the last operation, frozen. start: the index of its first value.
        end: the number of values up to and including it.
        plans: compiled plans by (terminal, database and variant). rows: those that select rows, by database.
        singles: shapes of `get` with one condition, by its name, among `children` too.
        guards: what says whether another value of the last operation fits, for those that may not.
    """

    __slots__ = (
        "children",
        "end",
        "guards",
        "model",
        "operation",
        "parent",
        "plans",
        "root",
        "rows",
        "singles",
        "start",
        "transient",
        "used",
    )

    def __init__(
        self, model: Any, parent: Node | None = None, operation: Operation | None = None, end: int = 0
    ) -> None:
        self.model = model
        self.parent = parent
        self.operation = operation
        self.start: int = parent.end if parent is not None else 0
        self.end: int = end
        self.children: dict[Hashable, Node] = {}
        self.plans: dict[Hashable, Any] = {}
        self.rows: dict[str, Any] = {}
        self.singles: dict[str, Node] = {}
        self.root: Node = parent.root if parent is not None else self
        self.transient: bool = parent.transient if parent is not None else False
        self.used = True
        self.guards: tuple[Any, ...] = ()

    def grow(self, key: Hashable | None, operation: Operation, values: int) -> Node:
        """The new child for `key` (None: a shape that cannot be kept).

        The child joins the tree only when the caller calls `keep`.
        """
        del key
        return Node(self.model, self, operation, self.end + values)

    def keep(self, key: Hashable, child: Node) -> None:
        """Put a checked child into the tree; beyond the limit, unused shapes go first."""
        if self.transient:
            return
        self.children[key] = child
        statistics.nodes += 1
        if statistics.nodes > statistics.limit:
            _evict()

    def chain(self) -> list[Node]:
        """The nodes from the first operation to this one."""
        nodes: list[Node] = []
        node: Node | None = self
        while node is not None and node.parent is not None:
            nodes.append(node)
            node = node.parent
        nodes.reverse()
        return nodes

    def __reduce__(self) -> Any:
        # A shape is what leads to it; whoever reads it again need not have it in the tree.
        return _rebuilt, (self.model, [(node.operation, node.end - node.start) for node in self.chain()])

    def forget(self) -> None:
        """Drop everything below (the model changed)."""
        # Recursively: QuerySets hold nodes below this one.
        pending = [self]
        while pending:
            node = pending.pop()
            pending.extend(node.children.values())
            node.children = {}
            node.plans = {}
            node.rows = {}
            node.singles = {}


def _rebuilt(model: Any, operations: list[tuple[Operation, int]]) -> Node:
    """The shape of a pickled QuerySet: outside of the tree, so that its statements are compiled each time."""
    node = root_of(model)
    for operation, values in operations:
        node = node.grow(None, operation, values)
        node.transient = True
    return node


_roots: dict[Any, Node] = {}


def root_of(model: Any) -> Node:
    """The root of the model's shape tree."""
    node = model.__dict__.get("_shape_root")
    if node is None:
        node = Node(model)
        model._shape_root = node  # noqa: SLF001 - the model's slot for it
        _roots[model] = node
    return node  # type: ignore[no-any-return]


def invalidate(model: Any = None) -> None:
    """Forget the plans of `model`, or of all: a field was added, a lookup registered, a setting changed."""
    nodes = list(_roots.values()) if model is None else [_roots[model]] if model in _roots else []
    for node in nodes:
        node.forget()
    statistics.nodes = sum(_count(node) for node in _roots.values())
    for listener in on_invalidate:
        listener(model)


on_invalidate: list[Callable[[Any], None]] = []
registry.on_change.append(invalidate)
connections.on_change.append(invalidate)
identity.on_class_change.append(invalidate)
Options.on_ordering_change.append(invalidate)


def _setting_changed(name: str) -> None:
    if name in {"USE_TZ", "DATABASE", "DATABASES"}:
        invalidate()


settings.subscribe(_setting_changed)


def _count(node: Node) -> int:
    total = 0
    pending = [node]
    while pending:
        found = pending.pop()
        total += len(found.children)
        pending.extend(found.children.values())
    return total


def _evict() -> None:
    """Second chance: shapes unused since the last sweep go, the others lose their mark."""
    statistics.evictions += 1
    if statistics.evictions == 1:
        warnings.warn(
            f"More than {statistics.limit} query shapes are in use: something builds queries whose structure "
            "(not only their values) differs each time, such as generated annotation names or raw SQL with "
            "values in its text. Unused shapes are dropped; queries stay correct but are compiled again.",
            ResourceWarning,
            stacklevel=2,
        )
    for root in _roots.values():
        _sweep(root)
    statistics.nodes = sum(_count(node) for node in _roots.values())
    if statistics.nodes > statistics.limit:
        for root in _roots.values():
            root.forget()
        statistics.nodes = 0


def _sweep(node: Node) -> bool:
    """Remove unused subtrees; whether `node` itself is worth keeping."""
    for key, child in list(node.children.items()):
        if not _sweep(child):
            del node.children[key]
            node.singles = {}
    keep = node.used or bool(node.children)
    node.used = False
    return keep
