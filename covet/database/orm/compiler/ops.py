"""QuerySet operations, frozen: what each chained call does to a Query. Replaying them builds it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from covet.database.orm.compiler.datastructures import AND, INNER, LOOKUP_SEP, Join
from covet.database.orm.compiler.query import Query
from covet.database.orm.compiler.where import JoinPromoter, WhereNode
from covet.database.orm.plan import Node

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
        inner.using = self.alias
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
class ReusingFilter:
    """A prefetch's own condition: every join that the QuerySet has made already may be shared."""

    q: Any

    def apply(self, query: Query) -> None:
        query.used_aliases = None
        query.add_q(self.q)
        query.used_aliases = set()


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
        if any(query.annotations[alias].contains_aggregate for alias, _ in self.expressions):
            if query.values_mode:
                query.set_group_by()
            elif query.group_by is None:
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
class Extra:
    """extra(): SQL written by hand, beside what the query has."""

    select: tuple[tuple[str, Any], ...]
    where: tuple[Any, ...]
    tables: tuple[str, ...]
    order_by: tuple[str, ...]

    def apply(self, query: Query) -> None:
        for name, expression in self.select:
            # values('name') has said what is wanted: this may be ordered by, and is not returned.
            query.add_annotation(expression, name, select=not query.values_are_named)
            if query.select_names is not None and not query.values_are_named:
                # They come before the fields, whichever was asked for first.
                query.select_names.remove(name)
                query.select_names.insert(len(query.extra_names), name)
            query.extra_names.append(name)
        query.get_initial_alias()
        for expression in self.where:
            resolved = expression.resolve_expression(query)
            query.where.add(WhereNode([resolved]), AND)
        query.extra_tables = (*query.extra_tables, *self.tables)
        if self.order_by:
            query.extra_order_by = self.order_by


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
        if "pk" in names:
            # As in Django the key cannot be deferred by that name: get_field() says so, with the choices.
            query.get_meta().get_field("pk")
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
        frozen = self.other
        other = Query(frozen.model, vendor=query.vendor, base=query.offset + frozen.start)
        other.outer, other.depth, other.marks = query.outer, query.depth, query.marks
        replay(frozen.node, other)
        is_and = self.connector == AND
        query.get_initial_alias()
        other.get_initial_alias()
        reuse: set[str] = set() if is_and else set(query.alias_map)
        promoter = JoinPromoter(self.connector, 2, negated=False)
        promoter.add_votes(alias for alias, join in query.alias_map.items() if join.join_type == INNER)
        renamed: dict[str, str] = {}
        votes: set[str] = set()
        base, *joined = other.alias_map.items()
        own_base = next(iter(query.alias_map))
        if base[0] != own_base:
            renamed[base[0]] = own_base
        for alias, join in joined:
            assert isinstance(join, Join)
            moved = replace(join, parent_alias=renamed.get(join.parent_alias, join.parent_alias))
            new = query.join(moved, reuse=reuse)
            if join.join_type == INNER:
                votes.add(new)
            reuse.discard(new)
            if alias != new:
                renamed[alias] = new
            if not other.refcount[alias]:
                query.unref_alias(new)
        promoter.add_votes(votes)
        promoter.update_join_types(query)
        where = relabelled(other.where, renamed)
        query.combine_where(where, self.connector)
        for name, annotation in other.annotations.items():
            query.annotations.setdefault(name, annotation.relabeled_clone(renamed))
        if other.order_by:
            query.order_by, query.order_offset = other.order_by, other.order_offset
        query.standard_ordering = other.standard_ordering


def relabelled(node: Any, renamed: dict[str, str]) -> Any:
    """A condition tree with aliases renamed."""
    if not renamed:
        return node
    if isinstance(node, WhereNode):
        children = [relabelled(child, renamed) for child in node.children]
        return WhereNode(children, node.connector, negated=node.negated)
    return node.relabeled_clone(renamed) if hasattr(node, "relabeled_clone") else node
