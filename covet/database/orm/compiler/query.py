"""Query: what a chain of QuerySet operations means, before any SQL exists.

A QuerySet's operations are replayed on a fresh Query (see `ops`), which resolves every name, join and
expression; `select`, `aggregation` and `mutation` then emit SQLAlchemy statements from it. It holds no
user value: values are slots (`shape.Param`).
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator
from typing import Any

from covet.database.orm.compiler.datastructures import AND, INNER, LOOKUP_SEP, LOUTER, BaseTable, Join
from covet.database.orm.compiler.filters import Filters
from covet.database.orm.compiler.where import Nothing, WhereNode
from covet.database.orm.expressions.refs import ColPairs, F, OuterRef, Ref
from covet.database.orm.expressions.subquery import Exists
from covet.exceptions import FieldError, InvalidName

_REJECTED = re.compile(r"""[\s\[\]`'";#%\x00-\x1f\x7f-\x9f\ud800-\udfff]|--|/\*|\*/""")


class Query(Filters):
    """The resolved form of one QuerySet.

    Args:
        model: the model whose rows are wanted.
        vendor: the database it will be compiled for; None while a chain is only checked.
        base: the index of this query's first value among the outermost query's values.
        outer: the query that this one is a subquery of.
    """

    is_query = True
    conditional = False
    filterable = True
    contains_aggregate = False
    contains_over_clause = False
    contains_column_references = True
    contains_subquery = True
    set_returning = False
    empty_result_set_value = None
    lookup_name = None

    def __init__(self, model: Any, *, vendor: str | None = None, base: int = 0, outer: Query | None = None) -> None:
        self.model = model
        self.vendor: str | None = vendor or (outer.vendor if outer is not None else None)
        self.base = base
        self.offset = base
        self.outer = outer
        self.depth = 0 if outer is None else outer.depth + 1
        self.marks: dict[int, str] = outer.marks if outer is not None else {}
        self.alias_map: dict[str, BaseTable | Join] = {}
        self.refcount: dict[str, int] = {}
        self.used_aliases: set[str] | None = set()
        self.sticky = False
        self.where = WhereNode()
        self.annotations: dict[str, Any] = {}
        self.annotation_mask: set[str] | None = None
        self.filtered_relations: dict[str, Any] = {}
        # How many columns a selected name has, where that is not one: composite keys.
        self.widths: dict[str, int] = {}
        self.select: tuple[Any, ...] = ()
        self.select_names: list[str] | None = None
        self.default_cols = True
        self.group_by: tuple[Any, ...] | bool | None = None
        self.order_by: tuple[Any, ...] = ()
        # Where the values of order_by() start: it is resolved when everything else has been.
        self.order_offset = base
        self.default_ordering = True
        self.standard_ordering = True
        self.distinct = False
        self.distinct_fields: tuple[str, ...] = ()
        self.low_mark = 0
        self.high_mark: int | None = None
        self.select_related: bool | dict[str, Any] = False
        self.deferred: tuple[frozenset[str], bool] = (frozenset(), True)
        self.combinator: str | None = None
        self.combinator_all = False
        self.combined: tuple[Query, ...] = ()
        self.lock: dict[str, Any] | None = None
        self.external_cols: list[Any] = []
        self.using: str | None = None
        # The values themselves, where an expression looks at them and no plan can be shared.
        self.bound_values: Any = outer.bound_values if outer is not None else None
        self.values_mode = False
        self.no_correlated_aggregates = False
        self.describe: Any = None
        # (function, arguments) that make it again, of the query that a QuerySet shows.
        self.recipe: tuple[Any, tuple[Any, ...]] | None = None
        self.extra_names: list[str] = []
        self.values_are_named = False
        self.extra_tables: tuple[str, ...] = ()
        self.extra_order_by: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The SQL with its values written in, to be read by people; never run it."""
        text = self.describe
        return text() if text is not None else repr(self)

    def __reduce__(self) -> Any:
        return self.recipe or super().__reduce__()

    @property
    def alias_refcount(self) -> dict[str, int]:
        """How often each alias is used."""
        return self.refcount

    def count_active_tables(self) -> int:
        """How many tables the query reads."""
        return sum(1 for count in self.refcount.values() if count)

    # -- results -------------------------------------------------------------

    @property
    def annotation_select(self) -> dict[str, Any]:
        """The annotations that are part of the result (`alias()` ones are not)."""
        if self.annotation_mask is None:
            return self.annotations
        return {name: value for name, value in self.annotations.items() if name in self.annotation_mask}

    @property
    def has_select_fields(self) -> bool:
        """Whether particular columns were asked for."""
        return bool(
            self.select or (self.annotation_mask is not None and self.annotation_mask and not self.default_cols)
        )

    @property
    def _subquery_fields_len(self) -> int:
        """How many columns it has as the right side of a lookup."""
        if not self.has_select_fields:
            return len(getattr(self.get_meta().pk, "fields", None) or (self.get_meta().pk,))
        return len(self.select) + len(self.annotation_select)

    @property
    def is_sliced(self) -> bool:
        return self.low_mark != 0 or self.high_mark is not None

    def has_limit_one(self) -> bool:
        return self.high_mark is not None and self.high_mark - self.low_mark == 1

    def clear_select_clause(self) -> None:
        """Select nothing yet; `add_fields` follows."""
        self.select = ()
        self.select_names = None
        self.default_cols = False
        self.select_related = False
        self.annotation_mask = set()

    def add_fields(self, names: Iterable[str], *, allow_many: bool = True) -> None:
        """Select these columns (names may cross relations and end in transforms).

        Raises:
            FieldError: an unknown name; lists the choices.
        """
        opts = self.get_meta()
        columns: list[Any] = []
        for name in names:
            alias = self.get_initial_alias()
            info = self.setup_joins(name.split(LOOKUP_SEP), opts, alias, allow_many=allow_many)
            targets, final, _ = self.trim_joins(info.targets, info.joins, info.path)
            first = len(columns)
            for target in targets:
                column = info.transform(self, target, final)
                columns.extend(column.get_cols() if isinstance(column, ColPairs) else (column,))
            # A composite key, or a relation over several columns, is one value: a tuple.
            self.widths[name] = len(columns) - first
        self.select = (*self.select, *columns)

    def set_values(self, names: tuple[str, ...]) -> None:
        """Rows of values instead of instances; no names means every concrete field and annotation."""
        self.select_related = False
        self.deferred = (frozenset(), True)
        self.values_mode = True
        self.values_are_named = bool(names)
        if names:
            for name in names:
                self.check_alias(name)
            # What is selected decides what is grouped by.
            self.annotation_mask = {name for name in names if name in self.annotation_select}
        if self.group_by is True:
            self.default_cols = False
            self.select = ()
            self.add_fields([field.attname for field in self.get_meta().concrete_fields])
            self.set_group_by(allow_aliases=False)
        self.select = ()
        self.default_cols = False
        if names:
            for name in names:
                if name in self.annotations and name not in self.annotation_select:
                    raise FieldError(f"Cannot select the '{name}' alias. Use annotate() to promote it.")
            chosen = list(names)
            self.annotation_mask = {name for name in names if name in self.annotation_select}
        else:
            selected = self.annotation_select
            extra = [name for name in self.extra_names if name in selected]
            chosen = [*extra, *(field.attname for field in self.get_meta().concrete_fields)]
            chosen += [name for name in selected if name not in extra]
        plain = [name for name in chosen if name not in self.annotation_select]
        self.select_names = chosen
        self.add_fields(plain)

    # -- annotations -----------------------------------------------------------

    def check_alias(self, alias: str) -> None:
        """Refuse names that could break out of a quoted identifier.

        Raises:
            InvalidName: it holds whitespace, quotes, semicolons, control characters or comments.
        """
        if _REJECTED.search(alias):
            message = (
                "Column aliases cannot contain whitespace characters, hashes, control characters, quotation marks, "
                "semicolons, or SQL comments. Nor can they contain percent signs."
            )
            raise InvalidName(message)

    def add_annotation(self, expression: Any, alias: str, *, select: bool = True) -> None:
        """Resolve and name an expression."""
        self.check_alias(alias)
        resolved = expression.resolve_expression(self, allow_joins=True, reuse=None)
        if select:
            if self.annotation_mask is not None:
                self.annotation_mask.add(alias)
        else:
            if self.annotation_mask is None:
                self.annotation_mask = set(self.annotations)
            self.annotation_mask.discard(alias)
        self.annotations[alias] = resolved
        if self.values_mode and select and self.select_names is not None and alias not in self.select_names:
            self.select_names.append(alias)

    def add_filtered_relation(self, relation: Any, alias: str) -> None:
        """Name a relation with a condition of its own.

        Raises:
            ValueError: the relation is not one, or the condition reaches beyond it.
        """
        if "." in alias:
            message = f"FilteredRelation doesn't support aliases with periods (got {alias!r})."
            raise ValueError(message)
        self.check_alias(alias)
        relation.alias = alias
        parts, field_parts, _ = self.solve_lookup_type(relation.relation_name)
        if parts:
            message = f"FilteredRelation's relation_name cannot contain lookups (got {relation.relation_name!r})."
            raise ValueError(message)
        for lookup, value in _lookups_of(relation.condition):
            if getattr(value, "is_frozen_query", False):
                raise ValueError("Passing a QuerySet within a FilteredRelation is not supported.")
            lookup_parts, lookup_fields, _ = self.solve_lookup_type(lookup)
            # Without a lookup the last name may be the relation itself, compared with an instance.
            crossed = lookup_fields[: -1 if lookup_parts else -2]
            if any(own != part for own, part in zip(field_parts, crossed, strict=False)):
                message = (
                    "FilteredRelation's condition doesn't support relations outside the "
                    f"{relation.relation_name!r} (got {lookup!r})."
                )
                raise ValueError(message)
            if len(lookup_fields) > len(field_parts) + 1:
                message = (
                    "FilteredRelation's condition doesn't support nested relations deeper than the "
                    f"relation_name (got {lookup!r} for {relation.relation_name!r})."
                )
                raise ValueError(message)
        self.filtered_relations[alias] = _Prefixed(relation, alias, self.offset)

    def set_group_by(self, *, allow_aliases: bool = True) -> None:
        """GROUP BY what is selected now (an aggregate over `values()`)."""
        group: list[Any] = list(self.select)
        for alias, annotation in self.annotation_select.items():
            columns = annotation.get_group_by_cols()
            if not columns:
                continue
            if allow_aliases and not annotation.contains_aggregate:
                group.append(Ref(alias, annotation))
            else:
                group.extend(columns)
        self.group_by = tuple(group)

    def resolve_ref(
        self, name: str, allow_joins: bool = True, reuse: set[str] | None = None, summarize: bool = False
    ) -> Any:
        """The expression that `F(name)` stands for in this query.

        Raises:
            FieldError: unknown, or a join where none is allowed.
        """
        annotation = self.annotations.get(name)
        if annotation is not None:
            if not allow_joins and any(
                isinstance(self.alias_map.get(alias), Join) for alias in _aliases_in(annotation)
            ):
                raise FieldError("Joined field references are not permitted in this query")
            if summarize:
                if name not in self.annotation_select:
                    message = f"Cannot aggregate over the '{name}' alias. Use annotate() to promote it."
                    raise FieldError(message)
                return Ref(name, annotation)
            return annotation
        parts = name.split(LOOKUP_SEP)
        annotation = self.annotations.get(parts[0])
        if annotation is not None:
            for transform in parts[1:]:
                annotation = self.try_transform(annotation, transform)
            return annotation
        info = self.setup_joins(parts, self.get_meta(), self.get_initial_alias(), can_reuse=reuse)
        targets, alias, joins = self.trim_joins(info.targets, info.joins, info.path)
        if not allow_joins and len(joins) > 1:
            raise FieldError("Joined field references are not permitted in this query")
        if len(targets) > 1:
            raise FieldError("Referencing multicolumn fields with F() objects isn't supported")
        if reuse is not None:
            reuse.update(joins)
        return info.transform(self, targets[0], alias)

    # -- filters -----------------------------------------------------------------

    def split_exclude(
        self,
        filter_expression: tuple[str, Any],
        can_reuse: set[str] | None,
        names_with_path: list[tuple[str, list[Any]]],
        *,
        current_negated: bool,
    ) -> tuple[WhereNode, Any]:
        """EXISTS over the multi-valued relation, so that its negation means "none of them"."""
        del current_negated
        name, raw = filter_expression
        inner = Query(self.model, base=self.base, outer=self)
        inner.offset = self.offset
        inner.filtered_relations = self.filtered_relations
        if isinstance(raw, OuterRef):
            raw = OuterRef(raw)
        elif isinstance(raw, F):
            raw = OuterRef(raw.name)
        clause, needed = inner.build_filter((name, raw), can_reuse=set())
        inner.where.add(clause, AND)
        inner.demote_joins(needed)
        inner.promote_nothing()
        self._correlate(inner, names_with_path, can_reuse or set())
        inner.clear_ordering(force=True)
        inner.default_cols = False
        exists = Exists(inner)
        condition, needed = self.build_filter(exists, can_reuse=set())
        return condition, needed

    def promote_nothing(self) -> None:
        """Joins of a single AND-ed filter are already right."""

    def _correlate(self, inner: Query, names_with_path: list[tuple[str, list[Any]]], can_reuse: set[str]) -> None:
        """Tie the inner query to the outer row, without the inner base table where that is possible."""
        first = names_with_path[0][1]
        base = inner.get_initial_alias()
        aliases = [alias for alias in inner.alias_map if alias != base]
        top = inner.alias_map[aliases[0]] if aliases else None
        outer_alias = self.get_initial_alias()
        shares = self._share_row(inner, [info for _, path in names_with_path for info in path], can_reuse)
        hanging = [alias for alias in aliases if inner.alias_map[alias].parent_alias == base]
        if (
            first
            and first[0].m2m
            and isinstance(top, Join)
            and top.join_type == INNER
            and top.filtered_relation is None
            and hanging == [top.table_alias]
            and base not in {alias for leaf in inner.where.leaves() for alias in _aliases_in(leaf)}
        ):
            pairs = top.join_field.get_joining_fields()
            restriction = top.join_field.get_extra_restriction(top.table_alias, base)
            if restriction is not None:
                inner.where.add(restriction, AND)
            del inner.alias_map[base]
            rebuilt: dict[str, BaseTable | Join] = {top.table_alias: BaseTable(top.table_name, top.table_alias)}
            rebuilt.update((alias, join) for alias, join in inner.alias_map.items() if alias != top.table_alias)
            inner.alias_map = rebuilt
            here = top.table_alias
            if shares:
                return
        else:
            primary = self.get_meta().pk
            fields = getattr(primary, "fields", None) or [primary]
            pairs = tuple((field, field) for field in fields)
            here = base
        for outer_field, inner_field in pairs:
            lookup = inner_field.get_lookup("exact")
            column = self.column_of(outer_field, outer_alias)
            inner.external_cols.append(column)
            inner.where.add(lookup(inner.column_of(inner_field, here), column), AND)

    def _share_row(self, inner: Query, path: list[Any], can_reuse: set[str]) -> bool:
        """Within one filter the relation may be joined already: then its very row is meant, not any.

        Django takes a table for joined already where the alias that the inner query gives it is one of the filter's
        own. So an earlier join of the same table changes the meaning; that is followed. Where the alias stands for a
        join of another relation, Django compares rows that have nothing to do with each other; that is not.
        """
        outer_aliases = {inner.get_initial_alias(): self.get_initial_alias()}
        joins = iter([join for join in inner.alias_map.values() if isinstance(join, Join)])
        for info in path:
            join = next(joins, None)
            if join is None or join.parent_alias not in outer_aliases:
                return False
            parent = outer_aliases[join.parent_alias]
            wanted = Join(join.table_name, parent, "", join.join_type, join.join_field, nullable=True)
            outer = next(
                (alias for alias, known in self.alias_map.items() if alias in can_reuse and wanted.same_as(known)), None
            )
            if outer is None:
                return False
            if info.m2m:
                # Where the inner query asks for no row at all (isnull), Django stays at the row before it.
                if join.join_type != INNER or inner.alias_place(join.table_alias) != self.alias_place(outer):
                    return False
                key = info.to_opts.pk
                column = self.column_of(key, outer)
                inner.external_cols.append(column)
                inner.where.add(key.get_lookup("exact")(inner.column_of(key, join.table_alias), column), AND)
                return True
            outer_aliases[join.table_alias] = outer
        return False

    def alias_place(self, alias: str) -> int:
        """What Django makes the alias of: 0 for the first join of its table, else its place among all."""
        table = self.alias_map[alias].table_name
        first = next(name for name, join in self.alias_map.items() if join.table_name == table)
        return 0 if first == alias else list(self.alias_map).index(alias)

    def set_empty(self) -> None:
        """Match nothing."""
        self.where.add(Nothing(), AND)

    def is_empty(self) -> bool:
        return any(isinstance(leaf, Nothing) for leaf in self.where.children)

    # -- order, limits -------------------------------------------------------------

    def add_ordering(self, items: tuple[Any, ...]) -> None:
        """ORDER BY these names and expressions; none at all means no order, not even the default.

        Raises:
            FieldError: an unknown name, or an aggregate that is no annotation.
        """
        for item in items:
            if isinstance(item, str):
                self._check_order_name(item)
            elif not hasattr(item, "resolve_expression"):
                raise FieldError(f"Invalid order_by arguments: {[item]}")
            elif getattr(item, "contains_aggregate", False):
                message = (
                    f"Using an aggregate in order_by() without also including it in annotate() is not allowed: {item}"
                )
                raise FieldError(message)
        if items:
            self.order_by = (*self.order_by, *items)
            self.order_offset = self.offset
        else:
            self.default_ordering = False

    def _check_order_name(self, item: str) -> None:
        if item == "?":
            return
        name = item.removeprefix("-").removeprefix("+")
        if name in self.annotations:
            return
        if self.combinator and name in self.combined[0].annotations:
            return
        self.names_to_path(name.split(LOOKUP_SEP), self.get_meta())

    def clear_ordering(self, *, force: bool = False, clear_default: bool = True) -> None:
        """Forget the order, unless a slice or DISTINCT ON depends on it."""
        if not force and (self.is_sliced or self.distinct_fields or self.lock):
            return
        self.order_by = ()
        if clear_default:
            self.default_ordering = False

    def set_limits(self, low: int | None, high: int | None) -> None:
        """Narrow the slice: positions are relative to the present one."""
        if high is not None:
            if self.high_mark is not None:
                self.high_mark = min(self.high_mark, self.low_mark + high)
            else:
                self.high_mark = self.low_mark + high
        if low is not None:
            if self.high_mark is not None:
                self.low_mark = min(self.high_mark, self.low_mark + low)
            else:
                self.low_mark = self.low_mark + low
        if self.low_mark == self.high_mark:
            self.set_empty()

    # -- as the right side of a lookup or inside Subquery -----------------------------

    @property
    def output_field(self) -> Any:
        """The type of the one selected column."""
        if len(self.select) == 1:
            selected = self.select[0]
            return getattr(selected, "target", None) or selected.field
        if len(self.annotation_select) == 1:
            return next(iter(self.annotation_select.values())).output_field
        return self.get_meta().pk

    def resolve_expression(self, *_args: Any, **_kwargs: Any) -> Query:
        """Itself: a Query is made resolved, in the context of its outer query."""
        return self

    def relabeled_clone(self, renamed: dict[str, str]) -> Query:
        """A copy in which references to outer aliases are renamed."""
        clone = copy.copy(self)
        foreign = {old: new for old, new in renamed.items() if old not in self.alias_map}
        if foreign:
            clone.where = _relabelled(self.where, foreign)
            clone.annotations = {name: value.relabeled_clone(foreign) for name, value in self.annotations.items()}
            clone.select = tuple(expression.relabeled_clone(foreign) for expression in self.select)
            clone.external_cols = [column.relabeled_clone(foreign) for column in self.external_cols]
        return clone

    def get_source_expressions(self) -> list[Any]:
        return []

    def set_source_expressions(self, expressions: list[Any]) -> None:
        del expressions

    def get_external_cols(self) -> list[Any]:
        """Columns of outer queries that this one mentions."""
        columns = list(self.external_cols)
        for expression in self._all_expressions():
            columns.extend(column for column in _columns_in(expression) if column.alias not in self.alias_map)
        return columns

    def get_group_by_cols(self, wrapper: Any = None) -> list[Any]:
        """What must be grouped by: the outer columns it mentions, or its whole expression."""
        external = self.get_external_cols()
        if any(getattr(column, "possibly_multivalued", False) for column in external):
            return [wrapper or self]
        return external

    @property
    def _output_field_or_none(self) -> Any:
        return self.output_field

    def get_refs(self) -> set[str]:
        """None: its names are its own."""
        return set()

    def replace_expressions(self, replacements: dict[Any, Any]) -> Query:
        """Itself."""
        del replacements
        return self

    def flatten(self) -> Iterator[Any]:
        """It alone."""
        yield self

    def _all_expressions(self) -> Iterator[Any]:
        yield from self.where.leaves()
        yield from self.annotations.values()
        yield from self.select

    def as_clause(self, compiler: Any) -> Any:
        """A scalar subquery."""
        return compiler.subselect(self).scalar_subquery()

    def table_aliases(self) -> list[str]:
        """The aliases that FROM needs, in order."""
        return [alias for alias in self.alias_map if self.refcount[alias] > 0]


def _relabelled(node: Any, renamed: dict[str, str]) -> Any:
    if isinstance(node, WhereNode):
        children = [_relabelled(child, renamed) for child in node.children]
        return WhereNode(children, node.connector, negated=node.negated)
    return node.relabeled_clone(renamed) if hasattr(node, "relabeled_clone") else node


class _Prefixed:
    """A FilteredRelation in one query: its condition's names start with its alias.

    Attributes:
        offset: where the values of its condition start; the joins that carry it are made by later operations.
    """

    def __init__(self, relation: Any, alias: str, offset: int) -> None:
        self.offset = offset
        self.relation_name = relation.relation_name
        self.alias = alias
        self.path: list[Any] = []
        self.condition = _rename(relation.condition, relation.relation_name, alias)


def _rename(condition: Any, relation: str, alias: str) -> Any:
    """The condition with names below `relation` read below `alias`."""
    children: list[Any] = []
    for child in condition.children:
        if hasattr(child, "connector"):
            children.append(_rename(child, relation, alias))
        elif isinstance(child, tuple):
            name, value = child
            renamed = alias + name[len(relation) :] if (name == relation or name.startswith(relation + "__")) else name
            children.append((renamed, _rename_value(value, relation, alias)))
        else:
            children.append(_rename_value(child, relation, alias))
    clone = type(condition)(_connector=condition.connector, _negated=condition.negated)
    clone.children = children
    return clone


def _rename_value(value: Any, relation: str, alias: str) -> Any:
    if isinstance(value, F):
        name = value.name
        return F(alias + name[len(relation) :]) if name.startswith(relation + "__") else value
    if hasattr(value, "replace_expressions") and hasattr(value, "flatten"):
        swaps = {part: _rename_value(part, relation, alias) for part in value.flatten() if isinstance(part, F)}
        return value.replace_expressions(swaps) if swaps else value
    return value


def _lookups_of(condition: Any) -> Iterator[tuple[str, Any]]:
    for child in condition.children:
        if hasattr(child, "connector"):
            yield from _lookups_of(child)
        elif isinstance(child, tuple):
            yield child


def _columns_in(expression: Any) -> Iterator[Any]:
    """Every column of an expression, subqueries apart."""
    if hasattr(expression, "alias") and hasattr(expression, "target"):
        yield expression
        return
    if getattr(expression, "is_query", False):
        yield from expression.get_external_cols()
        return
    for source in expression.get_source_expressions() if hasattr(expression, "get_source_expressions") else ():
        if source is not None:
            yield from _columns_in(source)


def _aliases_in(expression: Any) -> Iterator[str]:
    for column in _columns_in(expression):
        yield column.alias


__all__ = ["LOUTER", "Query"]
