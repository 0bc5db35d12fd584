"""Conditions: Q objects and lookups become a WHERE tree with the joins it needs. A part of Query."""

from __future__ import annotations

import difflib
from functools import partial
from typing import Any

from covet.database.orm.compiler.datastructures import AND, INNER, LOUTER, OR, Join, MultiJoin
from covet.database.orm.compiler.joins import Joins
from covet.database.orm.compiler.where import JoinPromoter, WhereNode
from covet.database.orm.expressions.refs import Ref
from covet.database.orm.shape import Const, Param
from covet.exceptions import FieldError, NotSupportedError

UNSET = object()


def constant(value: Any) -> Any:
    """The Python value of a `Const` (or of a plain constant); UNSET for what is bound later."""
    if isinstance(value, Const):
        return value.value
    return value if value is None or isinstance(value, bool) else UNSET


class Filters(Joins):
    """The part of Query that owns WHERE."""

    where: WhereNode
    offset: int
    bound_values: Any

    def localize(self, value: Any) -> Any:
        """A frozen leaf counted from the start of the outermost query's values."""
        slot = value.localized(self.offset)
        if self.bound_values is not None and isinstance(slot, Param) and slot.index >= 0:
            return slot.bind(self.bound_values[slot.index])
        return slot

    def resolve_value(
        self, value: Any, *, can_reuse: set[str] | None, allow_joins: bool = True, summarize: bool = False
    ) -> Any:
        """The right side of a lookup: a localized slot, or a resolved expression or subquery."""
        if isinstance(value, (Param, Const)):
            return self.localize(value)
        if hasattr(value, "resolve_expression"):
            return value.resolve_expression(self, reuse=can_reuse, allow_joins=allow_joins, summarize=summarize)
        if isinstance(value, (list, tuple)):
            return [
                self.resolve_value(item, can_reuse=can_reuse, allow_joins=allow_joins, summarize=summarize)
                for item in value
            ]
        return value

    def add_q(self, q: Any) -> None:
        """AND the condition to WHERE; joins that were inner stay inner."""
        inner = {alias for alias, join in self.alias_map.items() if join.join_type == INNER}
        clause, _ = self.build_q(q, self.used_aliases)
        if clause:
            self.where.add(clause, AND)
        self.demote_joins(inner)

    def add_filter(self, lookup: str, value: Any) -> None:
        """AND one lookup (an already localized value) to WHERE."""
        clause, _ = self.build_filter((lookup, value), can_reuse=self.used_aliases)
        self.where.add(clause, AND)

    def build_where(self, filter_expression: Any) -> WhereNode:
        """A condition that may not join (constraints, `When` in an update)."""
        clause, _ = self.build_filter(filter_expression, can_reuse=set(), allow_joins=False)
        return clause

    def build_q(
        self,
        q: Any,
        can_reuse: set[str] | None,
        *,
        branch_negated: bool = False,
        current_negated: bool = False,
        allow_joins: bool = True,
        split_subq: bool = True,
        check_filterable: bool = True,
        summarize: bool = False,
        update_join_types: bool = True,
    ) -> tuple[WhereNode, Any]:
        """(condition, aliases that it needs as inner joins) of a Q."""
        current_negated = current_negated ^ q.negated
        branch_negated = branch_negated or q.negated
        target = WhereNode(connector=q.connector, negated=q.negated)
        promoter = JoinPromoter(q.connector, len(q.children), negated=current_negated)
        needed: Any = set()
        for child in q.children:
            clause, needed = self.build_filter(
                child,
                can_reuse=can_reuse,
                branch_negated=branch_negated,
                current_negated=current_negated,
                allow_joins=allow_joins,
                split_subq=split_subq,
                check_filterable=check_filterable,
                summarize=summarize,
                update_join_types=update_join_types,
            )
            promoter.add_votes(needed)
            if clause:
                target.add(clause, q.connector)
        if update_join_types:
            needed = promoter.update_join_types(self)
        return target, needed

    def build_filter(
        self,
        filter_expression: Any,
        *,
        can_reuse: set[str] | None,
        branch_negated: bool = False,
        current_negated: bool = False,
        allow_joins: bool = True,
        split_subq: bool = True,
        check_filterable: bool = True,
        summarize: bool = False,
        update_join_types: bool = True,
    ) -> tuple[WhereNode, Any]:
        """One child of a Q: a nested Q, a conditional expression, or a (lookup, value) pair."""
        if isinstance(filter_expression, dict):
            raise FieldError("Cannot parse keyword query as dict")
        if hasattr(filter_expression, "connector") and hasattr(filter_expression, "negated"):
            return self.build_q(
                filter_expression,
                can_reuse,
                branch_negated=branch_negated,
                current_negated=current_negated,
                allow_joins=allow_joins,
                split_subq=split_subq,
                check_filterable=check_filterable,
                summarize=summarize,
                update_join_types=update_join_types,
            )
        if hasattr(filter_expression, "resolve_expression"):
            return self._expression_filter(filter_expression, can_reuse, allow_joins=allow_joins, summarize=summarize)
        name, raw = filter_expression
        if not name:
            raise FieldError(f"Cannot parse keyword query {name!r}")
        lookups, parts, reffed = self.solve_lookup_type(name)
        if check_filterable:
            self.check_filterable(reffed)
        if not allow_joins and len(parts) > 1:
            raise FieldError("Joined field references are not permitted in this query")
        before = dict(self.refcount)
        value = self.resolve_value(raw, can_reuse=can_reuse, allow_joins=allow_joins, summarize=summarize)
        used = {alias for alias, count in self.refcount.items() if count > before.get(alias, 0)}
        if check_filterable:
            self.check_filterable(value)
        if reffed is not None:
            lhs = self.annotation_reference(name, reffed, lookups, summarize=summarize)
            return WhereNode([self.build_lookup(lookups, lhs, value)]), set()
        opts = self.get_meta()
        alias = self.get_initial_alias()
        try:
            info = self.setup_joins(
                parts, opts, alias, can_reuse=can_reuse, allow_many=not branch_negated or not split_subq
            )
        except MultiJoin as crossing:
            return self.split_exclude((name, raw), can_reuse, crossing.names_with_path, current_negated=current_negated)
        value = self.check_related_objects(info.final_field, value, info.opts)
        used.update(info.joins)
        targets, alias, joins = self.trim_joins(info.targets, info.joins, info.path)
        if can_reuse is not None:
            can_reuse.update(joins)
        if getattr(info.final_field, "is_relation", False):
            if len(targets) != 1:
                lhs = info.final_field.get_col_pairs(alias, targets, info.targets)
            else:
                lhs = targets[0].get_col(alias, info.final_field)
        else:
            lhs = info.transform(self, targets[0], alias)
        condition = self.build_lookup(lookups, lhs, value)
        return self._null_aware(condition, value, targets[0], alias, joins, used, current_negated=current_negated)

    def _null_aware(
        self,
        condition: Any,
        value: Any,
        target: Any,
        alias: str,
        joins: list[str],
        used: set[str],
        *,
        current_negated: bool,
    ) -> tuple[WhereNode, Any]:
        """Keep NOT (x = v) true for NULL x, and tell which joins must not be inner."""
        clause = WhereNode([condition])
        is_null_test = condition.lookup_name == "isnull"
        rhs = constant(condition.rhs)
        require_outer = is_null_test and rhs is True and not current_negated
        if current_negated and (not is_null_test or rhs is False) and rhs is not None:
            require_outer = True
            if not is_null_test:
                if self.is_nullable(target) or self.alias_map[joins[-1]].join_type == LOUTER:
                    column = self.column_of(target, alias)
                    clause.add(target.get_lookup("isnull")(column, Const(False)), AND)
                other = getattr(value, "target", None)
                if other is not None and hasattr(value, "alias") and self.is_nullable(other):
                    clause.add(other.get_lookup("isnull")(value, Const(False)), AND)
        return clause, set() if require_outer else used

    def _expression_filter(
        self, expression: Any, can_reuse: set[str] | None, *, allow_joins: bool, summarize: bool
    ) -> tuple[WhereNode, Any]:
        if not getattr(expression, "conditional", False):
            raise TypeError("Cannot filter against a non-conditional expression.")
        condition = expression.resolve_expression(self, allow_joins=allow_joins, reuse=can_reuse, summarize=summarize)
        if isinstance(condition, WhereNode):
            return condition, set()
        if not hasattr(condition, "lookup_name"):
            condition = self.build_lookup(["exact"], condition, Const(True))
        return WhereNode([condition]), set()

    def check_filterable(self, expression: Any) -> None:
        """Refuse what cannot stand in WHERE.

        Raises:
            NotSupportedError: the expression says that it is not filterable.
        """
        if expression is None:
            return
        if hasattr(expression, "resolve_expression") and not getattr(expression, "filterable", True):
            message = f"{type(expression).__name__} is disallowed in the filter clause."
            raise NotSupportedError(message)
        if hasattr(expression, "get_source_expressions"):
            for source in expression.get_source_expressions():
                self.check_filterable(source)

    def check_related_objects(self, field: Any, value: Any, opts: Any) -> Any:
        """Refuse a QuerySet or an instance of another model as the value of a relation."""
        if not getattr(field, "is_relation", False):
            return value
        if isinstance(value, Param):
            return value.prep(partial(_check_instances, field, opts))
        if self.bound_values is not None and not hasattr(value, "resolve_expression"):
            return _check_instances(field, opts, value)
        model: Any = getattr(value, "model", None)
        if getattr(value, "is_query", False) and not value.has_select_fields and not _compatible(model, opts, field):
            message = f'Cannot use QuerySet for "{model._meta.object_name}": Use a QuerySet for "{opts.object_name}".'
            raise ValueError(message)
        return value

    def build_lookup(self, lookups: list[str], lhs: Any, rhs: Any) -> Any:
        """The lookup instance of the last name, the ones before being transforms.

        Raises:
            FieldError: an unknown transform or lookup. ValueError, TypeError: None where it has no meaning.
        """
        *transforms, name = lookups or ["exact"]
        for transform in transforms:
            lhs = self.try_transform(lhs, transform, lookups)
        lookup_class = lhs.get_lookup(name)
        if lookup_class is None:
            lhs = self.try_transform(lhs, name)
            name = "exact"
            lookup_class = lhs.get_lookup(name)
            if lookup_class is None:
                raise FieldError(f"Unsupported lookup {name!r} for {type(lhs.output_field).__name__}")
        if isinstance(rhs, Const) and rhs.value is None and not lookup_class.can_use_none_as_rhs:
            if name == "in":
                raise TypeError("'NoneType' object is not iterable: the `in` lookup takes several values, not None")
            if name not in ("exact", "iexact"):
                raise ValueError("Cannot use None as a query value")
            return lhs.get_lookup("isnull")(lhs, Const(True))
        return lookup_class(lhs, rhs)

    def try_transform(self, lhs: Any, name: str, lookups: list[str] | None = None) -> Any:
        """The transform of that name around `lhs`.

        Raises:
            FieldError: there is none; names near ones.
        """
        transform = lhs.get_transform(name)
        if transform is not None:
            return transform(lhs)
        field = lhs.output_field
        unsupported = name if lookups is None else "__".join(lookups[lookups.index(name) :])
        near = difflib.get_close_matches(name, field.get_lookups())
        hint = f", perhaps you meant {' or '.join(near)}?" if near else "."
        message = (
            f"Unsupported lookup '{unsupported}' for {type(field).__name__} or join on the field not permitted{hint}"
        )
        raise FieldError(message)

    def column_of(self, field: Any, alias: str) -> Any:
        """The column expression of a model field under `alias`."""
        return field.get_col(alias)

    def annotation_reference(self, name: str, annotation: Any, lookups: list[str], *, summarize: bool) -> Any:
        """What a filter on an annotation compares: the annotation itself, by its name in a final aggregate."""
        if not summarize:
            return annotation
        parts = name.split("__")
        return Ref("__".join(parts[: len(parts) - len(lookups)]), annotation)

    def split_exclude(
        self,
        filter_expression: tuple[str, Any],
        can_reuse: set[str] | None,
        names_with_path: list[tuple[str, list[Any]]],
        *,
        current_negated: bool,
    ) -> tuple[WhereNode, Any]:
        """A condition over a multi-valued relation inside a negation; Query makes the EXISTS."""
        raise AttributeError

    def combine_where(self, other: WhereNode, connector: str) -> None:
        """Join another query's conditions to this one's (`|` and `&` of QuerySets)."""
        mine = self.where
        if connector == OR and not mine:
            return
        if connector == OR and not other:
            self.where = WhereNode()
            return
        self.where = WhereNode([part for part in (mine, other) if part], connector)

    def attach_condition(self, join: Join, filtered: Any, can_reuse: set[str] | None) -> None:
        """The condition of a FilteredRelation belongs to its join's ON clause."""
        alias = join.table_alias
        reuse = None if can_reuse is None else {alias, *can_reuse, *self._ancestors(join)}
        offset, self.offset = self.offset, filtered.offset
        count = len(self.alias_map)
        try:
            join.on_condition, _ = self.build_q(filtered.condition, reuse, update_join_types=False, split_subq=False)
        finally:
            self.offset = offset
        if len(self.alias_map) > count:
            # The condition reads tables that it joined itself: they must come first.
            self.alias_map[alias] = self.alias_map.pop(alias)

    def _ancestors(self, join: Join) -> set[str]:
        aliases: set[str] = set()
        alias: str | None = join.parent_alias
        while alias is not None:
            aliases.add(alias)
            alias = self.alias_map[alias].parent_alias
        return aliases


def _compatible(model: Any, opts: Any, field: Any) -> bool:
    """Whether rows of `model` can be compared with the relation `field` to `opts`."""

    def related(target: Any) -> bool:
        return (
            model._meta.concrete_model == target.concrete_model
            or target.concrete_model in model._meta.all_parents
            or model in target.all_parents
        )

    # A relation that is the primary key may be compared with its own model's rows: their keys are the same.
    return related(opts) or (bool(getattr(field, "primary_key", False)) and related(field.model._meta))


def _check_instances(field: Any, opts: Any, value: Any) -> Any:
    items = value if isinstance(value, (list, tuple, set, frozenset)) else (value,)
    for item in items:
        meta = getattr(item, "_meta", None)
        if meta is not None and (isinstance(item, type) or not _compatible(type(item), opts, field)):
            raise ValueError(f'Cannot query "{item}": Must be "{opts.object_name}" instance.')
    return value
