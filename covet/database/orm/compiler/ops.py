"""QuerySet operations, frozen: what each chained call does to a Query. Replaying them builds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from covet.database.orm.compiler.datastructures import AND, LOOKUP_SEP, OR, XOR
from covet.database.orm.compiler.query import Query
from covet.database.orm.compiler.where import WhereNode
from covet.database.orm.plan import Node
from covet.exceptions import FieldError

__all__ = ["FrozenQuery", "replay"]


def replay(node: Node, query: Query) -> Query:
    """Apply the operations of a shape to a fresh query."""
    base = query.base
    for step in node.chain():
        query.offset = base + step.start
        assert step.operation is not None
        step.operation.apply(query)
    return query


class FrozenQuery:
    """A QuerySet inside another query: its shape, and where its values begin."""

    is_frozen_query = True

    def __init__(self, node: Node, start: int, alias: str | None, *, flat: bool = False) -> None:
        self.node = node
        self.model = node.model
        self.start = start
        self.alias = alias
        self.flat = flat

    def build(self, outer: Any) -> Query:
        """The inner Query, in the context of `outer`."""
        inner = Query(self.model, base=outer.offset + self.start, outer=outer)
        return replay(self.node, inner)

    def resolve_expression(self, query: Any = None, *_args: Any, **_kwargs: Any) -> Query:
        """See `build`."""
        return self.build(query)


@dataclass(frozen=True, slots=True)
class Filter:
    """filter() and exclude(): a frozen Q."""

    q: Any

    def apply(self, query: Query) -> None:
        if query.sticky:
            query.sticky = False
        else:
            query.used_aliases = set()
        query.add_q(self.q)


@dataclass(frozen=True, slots=True)
class Sticky:
    """The next filter shares its multi-valued joins with the one after it."""

    def apply(self, query: Query) -> None:
        query.used_aliases = set()
        query.sticky = True


@dataclass(frozen=True, slots=True)
class StickyFilter:
    """A related manager's own condition: the caller's first filter() may share its joins."""

    q: Any

    def apply(self, query: Query) -> None:
        query.used_aliases = set()
        query.add_q(self.q)
        query.sticky = True


@dataclass(frozen=True, slots=True)
class Annotate:
    """annotate() and alias()."""

    items: tuple[tuple[str, Any], ...]
    select: bool

    def apply(self, query: Query) -> None:
        for alias, expression in self.items:
            if hasattr(expression, "relation_name"):
                query.add_filtered_relation(expression, alias)
            else:
                query.add_annotation(expression, alias, select=self.select)
        for alias, expression in self.items:
            annotation = query.annotations.get(alias)
            if annotation is not None and annotation.contains_aggregate:
                if query.values_mode:
                    query.set_group_by()
                else:
                    query.group_by = True
                break
            del expression


@dataclass(frozen=True, slots=True)
class Values:
    """values() and values_list(): names, and expressions under generated or given names."""

    names: tuple[str, ...]
    expressions: tuple[tuple[str, Any], ...]

    def apply(self, query: Query) -> None:
        for alias, expression in self.expressions:
            query.add_annotation(expression, alias)
        if any(query.annotations[alias].contains_aggregate for alias, _ in self.expressions) and query.group_by is None:
            query.group_by = True
        query.set_values(self.names)


@dataclass(frozen=True, slots=True)
class OrderByItems:
    """order_by(): replaces the order."""

    items: tuple[Any, ...]

    def apply(self, query: Query) -> None:
        query.clear_ordering(force=True, clear_default=False)
        query.default_ordering = True
        query.add_ordering(self.items)


@dataclass(frozen=True, slots=True)
class ClearOrder:
    """No order at all, even of a slice."""

    force: bool = True

    def apply(self, query: Query) -> None:
        query.clear_ordering(force=self.force)


@dataclass(frozen=True, slots=True)
class Reverse:
    """reverse()."""

    def apply(self, query: Query) -> None:
        query.standard_ordering = not query.standard_ordering


@dataclass(frozen=True, slots=True)
class Limits:
    """A slice, relative to the one before."""

    low: int | None
    high: int | None

    def apply(self, query: Query) -> None:
        query.set_limits(self.low, self.high)


@dataclass(frozen=True, slots=True)
class Offset:
    """offset(): skips rows; a limit set before keeps its length."""

    count: int

    def apply(self, query: Query) -> None:
        query.low_mark += self.count
        if query.high_mark is not None:
            query.high_mark += self.count


@dataclass(frozen=True, slots=True)
class Items:
    """The arguments of a terminal: aggregates, or columns to update. It changes no query."""

    items: tuple[tuple[str, Any], ...]

    def apply(self, query: Query) -> None:
        del query


@dataclass(frozen=True, slots=True)
class Distinct:
    """distinct()."""

    names: tuple[str, ...]

    def apply(self, query: Query) -> None:
        query.distinct = True
        query.distinct_fields = self.names


@dataclass(frozen=True, slots=True)
class Empty:
    """none()."""

    def apply(self, query: Query) -> None:
        query.set_empty()


@dataclass(frozen=True, slots=True)
class SelectRelated:
    """select_related(): names to add; None clears; no names follows every non-null relation."""

    names: tuple[str, ...] | None

    def apply(self, query: Query) -> None:
        if self.names is None:
            query.select_related = False
            return
        if not self.names:
            query.select_related = True
            return
        tree = query.select_related if isinstance(query.select_related, dict) else {}
        for name in self.names:
            branch = tree
            for part in name.split(LOOKUP_SEP):
                branch = branch.setdefault(part, {})
        query.select_related = tree


@dataclass(frozen=True, slots=True)
class Defer:
    """defer(): None means load everything again."""

    names: tuple[str, ...] | None

    def apply(self, query: Query) -> None:
        if self.names is None:
            query.deferred = (frozenset(), True)
            return
        existing, is_defer = query.deferred
        names = set(self.names)
        if is_defer:
            query.deferred = (existing | names, True)
            return
        remaining = existing - names
        if remaining:
            query.deferred = (frozenset(remaining), False)
        else:
            fresh = names - existing
            query.deferred = (frozenset(fresh), True) if fresh else (frozenset(), True)


@dataclass(frozen=True, slots=True)
class Only:
    """only(): exactly these columns, and the key."""

    names: tuple[str, ...]

    def apply(self, query: Query) -> None:
        existing, is_defer = query.deferred
        names = {query.get_meta().pk.name if name == "pk" else name for name in self.names}
        query.deferred = (frozenset(names - existing), False) if is_defer else (frozenset(names), False)


@dataclass(frozen=True, slots=True)
class Lock:
    """select_for_update()."""

    nowait: bool
    skip_locked: bool
    of: tuple[str, ...]
    no_key: bool

    def apply(self, query: Query) -> None:
        query.lock = {"nowait": self.nowait, "skip_locked": self.skip_locked, "of": self.of, "no_key": self.no_key}
        query.select_related = query.select_related or False


@dataclass(frozen=True, slots=True)
class SelectKey:
    """Select one column by name (the inner side of `IN`)."""

    name: str

    def apply(self, query: Query) -> None:
        query.clear_select_clause()
        query.add_fields([self.name])


@dataclass(frozen=True, slots=True)
class Combine:
    """union(), intersection(), difference()."""

    kind: str
    is_all: bool
    others: tuple[FrozenQuery, ...]
    mine: FrozenQuery

    def apply(self, query: Query) -> None:
        # The set operation starts a query of its own: the order and slice that follow are its, not the first part's.
        parts: list[Query] = []
        for frozen in (self.mine, *self.others):
            base = query.base if frozen is self.mine else query.offset + frozen.start
            part = Query(frozen.model, vendor=query.vendor, base=base)
            part.outer, part.depth = query.outer, query.depth
            part.marks = query.marks
            parts.append(replay(frozen.node, part))
        query.combinator = self.kind
        query.combinator_all = self.is_all
        query.combined = tuple(parts)
        query.clear_ordering(force=True)
        query.default_ordering = False
        query.low_mark, query.high_mark = 0, None
        query.distinct, query.distinct_fields = False, ()
        query.lock = None


@dataclass(frozen=True, slots=True)
class Merge:
    """`|`, `&` and `^` of two QuerySets: the other one's conditions, in this one's joins."""

    other: FrozenQuery
    connector: str

    def apply(self, query: Query) -> None:
        other = self.other
        offset = query.offset + other.start
        own = query.where
        inner_before = {alias for alias, join in query.alias_map.items() if join.join_type == "INNER JOIN"}
        known = set(query.alias_map)
        query.where = WhereNode()
        saved_base = query.base
        if self.connector == AND:
            query.used_aliases = set()
        for step in other.node.chain():
            query.offset = offset + step.start
            operation = step.operation
            if isinstance(operation, (Filter, StickyFilter)):
                if self.connector == OR:
                    query.used_aliases = None
                    query.add_q(operation.q)
                else:
                    operation.apply(query)
            elif isinstance(operation, (Combine,)):
                raise TypeError("Cannot combine a query that is a set operation.")
            elif operation is not None and not isinstance(operation, (Limits,)):
                operation.apply(query)
        theirs = query.where
        query.base = saved_base
        query.where = own
        query.combine_where(theirs, self.connector)
        if self.connector in (OR, XOR):
            # A join that only one side needs must not drop the other side's rows.
            mine_used = inner_before
            theirs_used = {alias for alias in query.alias_map if alias not in known} | _used_by(theirs)
            only_one = (mine_used ^ theirs_used) & set(query.alias_map)
            query.promote_joins(only_one)


def _used_by(where: WhereNode) -> set[str]:
    aliases: set[str] = set()
    pending: list[Any] = list(where.leaves())
    while pending:
        expression = pending.pop()
        alias = getattr(expression, "alias", None)
        if alias is not None and hasattr(expression, "target"):
            aliases.add(alias)
        if hasattr(expression, "get_source_expressions"):
            pending.extend(source for source in expression.get_source_expressions() if source is not None)
    return aliases


def refuse_many(query: Query, name: str) -> None:
    """Used by terminals that cannot follow multi-valued names."""
    raise FieldError(f"Invalid field name: '{name}' on {query.get_meta().object_name}")
