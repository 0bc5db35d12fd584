"""Lookups across relations: their values are instances, keys, or both."""

from __future__ import annotations

from typing import Any

from covet.database.orm.expressions.refs import ColPairs
from covet.database.orm.lookups.base import Lookup, is_query
from covet.database.orm.lookups.comparison import (
    Exact,
    GreaterThan,
    GreaterThanOrEqual,
    In,
    IntegerFieldOverflow,
    IsNull,
    LessThan,
    LessThanOrEqual,
)
from covet.database.orm.lookups.registry import builtin
from covet.database.orm.lookups.tuples import TUPLE_LOOKUPS
from covet.database.orm.shape import UNCHANGED, Const, ListParam, Param, is_slot


def is_instance(value: Any) -> bool:
    """Whether `value` is a model instance."""
    return hasattr(value, "_meta") and not isinstance(value, type)


def normalized(value: Any, field: Any) -> Any:
    """The key that stands for `value` in the relation `field`: an instance's target field, else the value.

    Raises:
        ValueError: the instance is not saved.
    """
    if not is_instance(value):
        return value[0] if isinstance(value, tuple) and len(value) == 1 else value
    if value.pk is None:
        raise ValueError("Model instances passed to related filters must be saved.")
    source = field.path_infos[-1].target_fields[-1]
    while not isinstance(value, source.model) and source.remote_field:
        source = source.remote_field.model._meta.get_field(source.remote_field.field_name)
    try:
        return getattr(value, source.attname)
    except AttributeError:
        # A one-to-one key that was given the instance it points from.
        return value.pk


class RelationKey:
    """Prepares the values of a relation: instances become keys, keys are validated by the target field."""

    __slots__ = ("field", "prepare")

    def __init__(self, field: Any, *, prepare: bool = True) -> None:
        self.field = field
        self.prepare = prepare

    def __call__(self, value: Any) -> Any:
        key = normalized(value, self.field)
        if self.prepare and hasattr(self.field, "path_infos"):
            return self.field.path_infos[-1].target_fields[-1].get_prep_value(key)
        return key

    @property
    def keeps(self) -> type | None:
        """The type of keys that come out as they went in; None where each has to be looked at."""
        if not self.prepare or not hasattr(self.field, "path_infos"):
            return None
        target = self.field.path_infos[-1].target_fields[-1]
        return UNCHANGED.get(type(target).get_prep_value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RelationKey) and self.field is other.field and self.prepare == other.prepare

    def __hash__(self) -> int:
        return hash((id(self.field), self.prepare))


@builtin("ForeignObject")
class RelatedIn(In):
    """One of a list of instances or keys, or of a subquery's rows."""

    def as_clause(self, compiler: Any) -> Any:
        if isinstance(self.lhs, ColPairs):
            return TUPLE_LOOKUPS[self.lookup_name](self.lhs, self.rhs).as_clause(compiler)
        return super().as_clause(compiler)

    def get_prep_lookup(self) -> Any:
        rhs = self.rhs
        if isinstance(self.lhs, ColPairs):
            if is_query(rhs) and not rhs.has_select_fields and self.lhs.output_field.related_model is rhs.model:
                rhs.set_values(tuple(field.name for field in self.lhs.sources))
            return rhs
        if is_query(rhs):
            self._select_target(rhs)
        elif self.rhs_is_direct_value():
            key = RelationKey(self.lhs.output_field)
            if isinstance(rhs, Param):
                listed = rhs if isinstance(rhs, ListParam) else ListParam(rhs.index, rhs.preps, absolute=rhs.absolute)
                self.rhs = listed.each(key)
            elif isinstance(rhs, Const):
                self.rhs = Const([key(item) for item in rhs.value])
            else:
                self.rhs = [
                    item if hasattr(item, "resolve_expression") else item.prep(key) if is_slot(item) else key(item)
                    for item in rhs
                ]
            # The key prepares values already.
            self.prepare_rhs = False
        return super().get_prep_lookup()

    def _select_target(self, query: Any) -> None:
        target = self.lhs.field.target_field
        if query.has_select_fields or getattr(target, "primary_key", False):
            return
        if getattr(self.lhs.output_field, "primary_key", False) and self.lhs.output_field.model == query.model:
            # The relation is the key of the very model that is selected.
            query.set_values((self.lhs.field.name,))
        else:
            query.set_values((target.name,))


class RelatedLookupMixin(Lookup):
    """A comparison with one instance or key."""

    def as_clause(self, compiler: Any) -> Any:
        if isinstance(self.lhs, ColPairs):
            return TUPLE_LOOKUPS[self.lookup_name](self.lhs, self.rhs).as_clause(compiler)
        return super().as_clause(compiler)

    def get_prep_lookup(self) -> Any:
        rhs = self.rhs
        if isinstance(self.lhs, ColPairs):
            return rhs
        if not hasattr(rhs, "resolve_expression") and not is_query(rhs):
            key = RelationKey(self.lhs.output_field, prepare=self.prepare_rhs)
            self.rhs = rhs.prep(key) if is_slot(rhs) else key(rhs)
        return super().get_prep_lookup()


@builtin("ForeignObject")
class RelatedExact(RelatedLookupMixin, IntegerFieldOverflow, Exact):
    """Is this instance."""


@builtin("ForeignObject")
class RelatedLessThan(RelatedLookupMixin, IntegerFieldOverflow, LessThan):
    """Has a lesser key."""

    overflow = None


@builtin("ForeignObject")
class RelatedGreaterThan(RelatedLookupMixin, IntegerFieldOverflow, GreaterThan):
    """Has a greater key."""

    underflow = None


@builtin("ForeignObject")
class RelatedGreaterThanOrEqual(RelatedLookupMixin, IntegerFieldOverflow, GreaterThanOrEqual):
    """Has this key or a greater one."""

    underflow = None


@builtin("ForeignObject")
class RelatedLessThanOrEqual(RelatedLookupMixin, IntegerFieldOverflow, LessThanOrEqual):
    """Has this key or a lesser one."""

    overflow = None


@builtin("ForeignObject")
class RelatedIsNull(RelatedLookupMixin, IsNull):
    """Points to nothing, or to something."""

    def get_prep_lookup(self) -> Any:
        return self.rhs
