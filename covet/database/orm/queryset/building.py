"""The methods that make a QuerySet out of a QuerySet; none of them touches the database."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Self, TypeVar

from covet.database.orm.compiler import ops
from covet.database.orm.compiler.datastructures import LOOKUP_SEP, OR, XOR
from covet.database.orm.compiler.ops import FrozenQuery
from covet.database.orm.expressions.values import RawSQL
from covet.database.orm.query import Q
from covet.database.orm.queryset.core import DICTS, FLAT, INSTANCES, NAMED, TUPLES, Core
from covet.database.orm.shape import PLAIN, SLOT, freeze, shape_of
from covet.exceptions import FieldError, NotSupportedError

M = TypeVar("M")

_NAMES = frozenset({str})
_COMBINED_OK = frozenset({"order_by", "limit", "values", "values_list", "none", "count", "all", "exists", "get_sliced"})


class Building(Core[M]):
    """Chained methods."""

    # -- conditions --------------------------------------------------------------

    def all(self) -> Self:
        """A copy of this QuerySet."""
        copied = self._chain()
        if self._related_source is not None:
            copied._related_source = self._related_source
        return copied

    def filter(self, *args: Any, **kwargs: Any) -> Self:
        """Rows that meet every condition.

        Raises:
            FieldError: an unknown field or lookup; lists the choices.
            ValueError, TypeError: a value that cannot be compared with its field.
        """
        if not args:
            values: list[Any] = []
            parts: list[Hashable] = []
            for name, value in kwargs.items():
                if type(value) in PLAIN:
                    values.append(value)
                    parts.append((name, SLOT))
                else:
                    if hasattr(value, "__next__"):
                        value = kwargs[name] = list(value)
                    parts.append((name, _key(value, values)))
            if None not in parts:
                kind = "sticky filter" if self._conf.sticky else "filter"
                return self._step((kind, *parts), values, lambda out: self._frozen_filter(args, kwargs, out))
        return self._filter("filter", args, kwargs, negated=False)

    def exclude(self, *args: Any, **kwargs: Any) -> Self:
        """Rows that do not meet the conditions (all of them together)."""
        return self._filter("exclude", args, kwargs, negated=True)

    def complex_filter(self, condition: Any) -> Self:
        """`filter` with a Q or a dictionary (as `limit_choices_to` has them)."""
        if isinstance(condition, Q):
            return self._filter("filter", (condition,), {}, negated=False)
        return self._filter("filter", (), condition, negated=False)

    def _filter(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], *, negated: bool) -> Self:
        if not args and not kwargs:
            self._refuse_combined(name)
            return self._chain()
        # A pair of lookup and value is a condition too, in Q as here.
        args = tuple(Q(tuple(arg)) if isinstance(arg, (tuple, list)) else arg for arg in args)
        kwargs = {key: list(value) if hasattr(value, "__next__") else value for key, value in kwargs.items()}
        sticky = self._conf.sticky

        def describe(values: list[Any]) -> Hashable:
            return (
                tuple(shape_of(arg, values) for arg in args),
                tuple((key, shape_of(value, values)) for key, value in kwargs.items()),
                sticky,
            )

        return self._shaped(name, describe, lambda out: self._frozen_filter(args, kwargs, out, negated=negated))

    def _frozen_filter(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], out: list[Any], *, negated: bool = False
    ) -> Any:
        self._refuse_after_slice("filter")
        self._refuse_combined("exclude" if negated else "filter")
        invalid = [name for name in ("_connector", "_negated") if name in kwargs]
        if invalid:
            listed = ", ".join(f"'{name}'" for name in invalid)
            raise TypeError(f"The following kwargs are invalid: {listed}")
        _check_conditions(args)
        q = Q()
        q.children = [freeze(arg, out) for arg in args]
        q.children += [(key, freeze(value, out)) for key, value in kwargs.items()]
        if negated:
            q = ~q
        return ops.StickyFilter(q) if self._conf.sticky else ops.Filter(q)

    def _refuse_after_slice(self, what: str) -> None:
        if self._facts.sliced:
            raise TypeError(f"Cannot {what} a query once a slice has been taken.")

    def _refuse_combined(self, name: str) -> None:
        kind = self._facts.combinator
        if kind:
            raise NotSupportedError(f"Calling QuerySet.{name}() after {kind}() is not supported.")

    def none(self) -> Self:
        """No rows, without a query."""
        return self._step("none", (), lambda _: ops.Empty())

    # -- annotations ------------------------------------------------------------------

    def annotate(self, *args: Any, **kwargs: Any) -> Self:
        """Add a computed value to every row."""
        return self._annotate("annotate", args, kwargs, select=True)

    def alias(self, *args: Any, **kwargs: Any) -> Self:
        """Name a computed value for later methods, without selecting it."""
        return self._annotate("alias", args, kwargs, select=False)

    def _annotate(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any], *, select: bool) -> Self:
        _check_expressions(method, (*args, *kwargs.values()))
        items: dict[str, Any] = {}
        for arg in args:
            try:
                alias = arg.default_alias
            except (AttributeError, TypeError):
                raise TypeError("Complex annotations require an alias") from None
            if alias in kwargs:
                raise ValueError(
                    f"The named annotation '{alias}' conflicts with the default name for another annotation."
                )
            items[alias] = arg
        items.update(kwargs)
        if not items:
            self._refuse_combined(method)
            return self._chain()

        def describe(values: list[Any]) -> Hashable:
            return tuple((name, shape_of(value, values)) for name, value in items.items())

        def make(out: list[Any]) -> Any:
            self._refuse_combined(method)
            self._check_names(items)
            return ops.Annotate(tuple((name, freeze(value, out)) for name, value in items.items()), select)

        return self._shaped(method, describe, make)

    def _check_names(self, items: dict[str, Any]) -> None:
        if self._facts.values and self._conf.fields is not None:
            taken = set(self._conf.fields)
        else:
            taken = {name for field in self.model._meta.get_fields() for name in _names(field)}  # type: ignore[attr-defined]
        for name, value in items.items():
            if name in taken:
                raise ValueError(f"The annotation '{name}' conflicts with a field on the model.")
            del value

    def extra(
        self,
        select: dict[str, str] | None = None,
        where: Sequence[str] | None = None,
        params: Sequence[Any] | None = None,
        tables: Sequence[str] | None = None,
        order_by: Sequence[str] | None = None,
        select_params: Sequence[Any] | None = None,
    ) -> Self:
        """Columns, conditions, tables and orders written as SQL, with `%s` for parameters.

        Django keeps it for old code; `annotate(RawSQL(...))` and `filter(RawSQL(...))` do the same.
        """
        self._refuse_combined("extra")
        if self._facts.sliced:
            raise TypeError("Cannot change a query once a slice has been taken.")
        columns = _with_params(select or {}, list(select_params or ()))
        conditions = list(_with_params(dict(enumerate(where or ())), list(params or ())).values())

        def describe(values: list[Any]) -> Hashable:
            return (
                tuple((name, shape_of(value, values)) for name, value in columns.items()),
                tuple(shape_of(value, values) for value in conditions),
                tuple(tables or ()),
                tuple(order_by or ()),
            )

        def make(out: list[Any]) -> Any:
            chosen = tuple((name, freeze(value, out)) for name, value in columns.items())
            tests = tuple(freeze(value, out) for value in conditions)
            return ops.Extra(chosen, tests, tuple(tables or ()), tuple(order_by or ()))

        return self._shaped("extra", describe, make)

    # -- values ---------------------------------------------------------------------

    def values(self, *fields: Any, **expressions: Any) -> Self:
        """Dictionaries instead of instances."""
        return self._as_values(fields, expressions, DICTS, "values")

    def values_list(self, *fields: Any, flat: bool = False, named: bool = False) -> Self:
        """Tuples instead of instances; single values with `flat`, named tuples with `named`."""
        if flat and named:
            raise TypeError("'flat' and 'named' can't be used together.")
        if flat and len(fields) > 1:
            raise TypeError("'flat' is not valid when values_list is called with more than one field.")
        names: list[Any] = []
        expressions: dict[str, Any] = {}
        known = {*(str(name) for name in fields if isinstance(name, str))}
        counter = 0
        for field in fields:
            if not hasattr(field, "resolve_expression"):
                names.append(field)
                continue
            counter += 1
            base = getattr(field, "default_alias", None) if _has_default_alias(field) else type(field).__name__.lower()
            alias = f"{base}{counter}"
            while alias in known or alias in expressions:
                counter += 1
                alias = f"{base}{counter}"
            expressions[alias] = field
            names.append(alias)
        kind = FLAT if flat else NAMED if named else TUPLES
        return self._as_values(tuple(names), expressions, kind, "values_list")

    def _as_values(self, fields: tuple[Any, ...], expressions: dict[str, Any], kind: str, method: str) -> Self:
        names = [field for field in fields if not hasattr(field, "resolve_expression")]
        for field in fields:
            if hasattr(field, "resolve_expression"):
                if not _has_default_alias(field):
                    raise TypeError(f"{method}() needs a name for an expression: {method}(name={field!r}).")
                expressions = {**expressions, field.default_alias: field}
        if kind == DICTS:
            names += list(expressions)
        for name in names:
            if not isinstance(name, str):
                raise TypeError(f"{method}() takes field names and expressions, not {name!r}.")
        names = list(dict.fromkeys(names)) if kind == DICTS else names
        chosen = tuple(names)

        def describe(values: list[Any]) -> Hashable:
            return chosen, tuple((name, shape_of(value, values)) for name, value in expressions.items())

        def make(out: list[Any]) -> Any:
            if self._facts.combinator and expressions:
                self._refuse_combined(method)
            self._check_value_expressions(expressions)
            return ops.Values(chosen, tuple((name, freeze(value, out)) for name, value in expressions.items()))

        changed = self._shaped("values", describe, make)
        changed._conf = changed._conf.evolve(kind=kind, fields=chosen or None)
        return changed

    def _check_value_expressions(self, expressions: dict[str, Any]) -> None:
        self._check_names(expressions)

    def dates(self, field_name: str, kind: str, order: str = "ASC") -> Self:
        """The distinct dates of a field, cut to `year`, `month`, `week` or `day`."""
        if kind not in ("year", "month", "week", "day"):
            raise ValueError("'kind' must be one of 'year', 'month', 'week', or 'day'.")
        if order not in ("ASC", "DESC"):
            raise ValueError("'order' must be either 'ASC' or 'DESC'.")
        return self._truncated("dates", field_name, kind, order, None)

    def datetimes(self, field_name: str, kind: str, order: str = "ASC", tzinfo: Any = None) -> Self:
        """The distinct datetimes of a field, cut to `year` … `second`, in `tzinfo`."""
        if kind not in ("year", "month", "week", "day", "hour", "minute", "second"):
            raise ValueError("'kind' must be one of 'year', 'month', 'week', 'day', 'hour', 'minute', or 'second'.")
        if order not in ("ASC", "DESC"):
            raise ValueError("'order' must be either 'ASC' or 'DESC'.")
        return self._truncated("datetimes", field_name, kind, order, tzinfo)

    def _truncated(self, method: str, field_name: str, kind: str, order: str, tzinfo: Any) -> Self:
        expression = truncation(method, field_name, kind, tzinfo)
        from covet.database.orm.expressions.refs import F  # noqa: PLC0415 - kept beside its only use

        annotated: Self = self.annotate(datefield=expression, plain_field=F(field_name))
        narrowed = annotated.values_list("datefield", flat=True).distinct().filter(plain_field__isnull=False)
        return narrowed.order_by(("-" if order == "DESC" else "") + "datefield")

    # -- order, slices -------------------------------------------------------------------

    def order_by(self, *items: Any) -> Self:
        """Order by names (`-` for descending, `?` for random) and expressions; replaces any order."""

        def describe(values: list[Any]) -> Hashable:
            return tuple(item if isinstance(item, str) else shape_of(item, values) for item in items)

        def make(out: list[Any]) -> Any:
            if self._facts.sliced:
                raise TypeError("Cannot reorder a query once a slice has been taken.")
            return ops.OrderByItems(tuple(item if isinstance(item, str) else freeze(item, out) for item in items))

        if _NAMES.issuperset(map(type, items)):
            return self._step(("order_by", items), (), make)
        return self._shaped("order_by", describe, make)

    def reverse(self) -> Self:
        """The opposite order."""

        def make(_: list[Any]) -> Any:
            if self._facts.sliced:
                raise TypeError("Cannot reverse a query once a slice has been taken.")
            return ops.Reverse()

        return self._step("reverse", (), make)

    def distinct(self, *names: str) -> Self:
        """Rows that differ; on PostgreSQL, the first row for each value of `names`."""

        def make(_: list[Any]) -> Any:
            self._refuse_combined("distinct")
            if self._facts.sliced:
                raise TypeError("Cannot create distinct fields once a slice has been taken.")
            return ops.Distinct(names)

        return self._step(("distinct", names), (), make)

    def limit(self, count: int | None) -> Self:
        """At most `count` rows."""
        if count is None:
            return self._chain()
        return self._sliced(None, _position(count, "limit"))

    def offset(self, count: int) -> Self:
        """Skip the first `count` rows. A limit may be set before or after it."""
        return self._shifted(_position(count, "offset"))

    def _shifted(self, count: int) -> Self:
        return self._step(("offset", count), (), lambda _: ops.Offset(count)) if count else self._chain()

    def _sliced(self, low: int | None, high: int | None) -> Self:
        return self._step(("slice", low, high), (), lambda _: ops.Limits(low, high))

    def __getitem__(self, key: int | slice) -> Any:
        if not isinstance(key, (int, slice)):
            raise TypeError(f"QuerySet indices must be integers or slices, not {type(key).__name__}.")
        if isinstance(key, slice):
            if any(edge is not None and edge < 0 for edge in (key.start, key.stop)):
                raise ValueError("Negative indexing is not supported.")
        elif key < 0:
            raise ValueError("Negative indexing is not supported.")
        if self._result_cache is not None:
            return self._result_cache[key]
        if isinstance(key, int):
            raise TypeError(
                f"An index needs the row now, and this QuerySet is not evaluated: write "
                f"`await qs.offset({key}).first()`, or `(await qs)[{key}]`."
            )
        if key.step is not None:
            raise TypeError("A slice with a step needs the rows now: write `(await qs[start:stop])[::step]`.")
        return self._sliced(key.start, key.stop)

    # -- relations ---------------------------------------------------------------------------

    def select_related(self, *names: Any) -> Self:
        """Load these single-valued relations in the same query; None forgets all."""

        def make(_: list[Any]) -> Any:
            self._refuse_combined("select_related")
            if self._conf.kind != INSTANCES:
                raise TypeError("Cannot call select_related() after .values() or .values_list()")
            return ops.SelectRelated(None if names == (None,) else names)

        return self._step(("select_related", names), (), make)

    def prefetch_related(self, *lookups: Any) -> Self:
        """Load these relations in one query each; None forgets all."""
        self._refuse_combined("prefetch_related")
        if lookups == (None,):
            return self._evolve(prefetch=())
        filtered = self._filtered_relations()
        for lookup in lookups:
            name = lookup if type(lookup) is str else getattr(lookup, "prefetch_to", lookup)
            if name.split(LOOKUP_SEP, 1)[0] in filtered:
                raise ValueError("prefetch_related() is not supported with FilteredRelation.")
        return self._evolve(prefetch=(*self._conf.prefetch, *lookups))

    def _filtered_relations(self) -> frozenset[str]:
        known: frozenset[str] | None = self._node.plans.get("filtered relations")
        if known is None:
            known = self._node.plans["filtered relations"] = frozenset(
                name
                for step in self._node.chain()
                if isinstance(step.operation, ops.Annotate)
                for name, value in step.operation.items
                if hasattr(value, "relation_name")
            )
        return known

    def only(self, *names: str) -> Self:
        """Load only these columns now; the others when they are read."""

        def make(_: list[Any]) -> Any:
            self._refuse_combined("only")
            if self._conf.fields is not None or self._conf.kind != INSTANCES:
                raise TypeError("Cannot call only() after .values() or .values_list()")
            if any(name is None for name in names):
                raise TypeError("Cannot pass None as an argument to only().")
            for name in names:
                if name.split(LOOKUP_SEP, 1)[0] in self._filtered_relations():
                    raise ValueError("only() is not supported with FilteredRelation.")
            return ops.Only(names)

        return self._step(("only", names), (), make)

    def defer(self, *names: Any) -> Self:
        """Load these columns only when they are read; None loads all again."""

        def make(_: list[Any]) -> Any:
            self._refuse_combined("defer")
            if self._conf.fields is not None or self._conf.kind != INSTANCES:
                raise TypeError("Cannot call defer() after .values() or .values_list()")
            return ops.Defer(None if names == (None,) else names)

        return self._step(("defer", names), (), make)

    def using(self, alias: str | None) -> Self:
        """The same query on another database."""
        return self._evolve(db=alias)

    def select_for_update(
        self,
        nowait: bool = False,
        skip_locked: bool = False,
        of: tuple[str, ...] | list[str] = (),
        no_key: bool = False,
    ) -> Self:
        """Lock the rows until the transaction ends."""
        if nowait and skip_locked:
            raise ValueError("The nowait option cannot be used with skip_locked.")
        names = tuple(of)
        self._refuse_combined("select_for_update")
        changed = self._step(
            ("lock", nowait, skip_locked, names, no_key), (), lambda _: ops.Lock(nowait, skip_locked, names, no_key)
        )
        changed._conf = changed._conf.evolve(for_write=True)
        return changed

    # -- set operations ---------------------------------------------------------------------------

    def union(self, *others: Any, all: bool = False) -> Self:
        """Rows of any; duplicates once, unless `all`."""
        if self._facts.empty:
            living = [other for other in others if not other._facts.empty]
            if not living:
                return self._chain()
            if len(living) == 1:
                return living[0]._chain()  # type: ignore[no-any-return]
            return living[0].union(*living[1:], all=all)  # type: ignore[no-any-return]
        return self._combined("union", others, is_all=all)

    def intersection(self, *others: Any) -> Self:
        """Rows of all."""
        if self._facts.empty:
            return self._chain()
        for other in others:
            if other._facts.empty:
                return other._chain()  # type: ignore[no-any-return]
        return self._combined("intersection", others, is_all=False)

    def difference(self, *others: Any) -> Self:
        """Rows of this one that are in no other."""
        if self._facts.empty:
            return self._chain()
        return self._combined("difference", others, is_all=False)

    def _combined(self, kind: str, others: tuple[Any, ...], *, is_all: bool) -> Self:
        mine = FrozenQuery(self._node, 0, self._conf.db)

        def describe(values: list[Any]) -> Hashable:
            return kind, is_all, tuple(shape_of(other, values) for other in others)

        def make(out: list[Any]) -> Any:
            return ops.Combine(kind, is_all, tuple(freeze(other, out) for other in others), mine)

        return self._shaped("combine", describe, make)

    def __and__(self, other: Any) -> Self:
        self._check_mergeable(other, "&")
        if self._facts.empty:
            return self._chain()
        if other._facts.empty:
            return other._chain()  # type: ignore[no-any-return]
        return self._merged(other, "AND")

    def __or__(self, other: Any) -> Self:
        self._check_mergeable(other, "|")
        if self._facts.empty:
            return other._chain()  # type: ignore[no-any-return]
        if other._facts.empty:
            return self._chain()
        return self._by_key_when_sliced()._merged(other._by_key_when_sliced(), OR)

    def __xor__(self, other: Any) -> Self:
        self._check_mergeable(other, "^")
        if self._facts.empty:
            return other._chain()  # type: ignore[no-any-return]
        if other._facts.empty:
            return self._chain()
        return self._by_key_when_sliced()._merged(other._by_key_when_sliced(), XOR)

    def _by_key_when_sliced(self) -> Self:
        """A sliced side is met through the keys of its rows."""
        if not self._facts.sliced:
            return self
        return self._base().filter(pk__in=self.values("pk"))

    def _base(self) -> Self:
        plain = self._chain()
        plain._node = self._node.root
        plain._values = ()
        return plain

    def _check_mergeable(self, other: Any, operator: str) -> None:
        if not isinstance(other, Core):
            raise TypeError(f"{operator} combines QuerySets, not {type(other).__name__}.")
        if self._facts.combinator or other._facts.combinator:
            raise TypeError(f"Cannot use {operator} operator with combined queryset.")
        if self.model != other.model:
            raise TypeError("Cannot combine queries on two different base models.")
        mine, theirs = self._facts, other._facts
        if operator == "&" and (mine.sliced or theirs.sliced):
            raise TypeError("Cannot combine queries once a slice has been taken.")
        if mine.distinct != theirs.distinct:
            raise TypeError("Cannot combine a unique query with a non-unique query.")
        if mine.distinct_fields != theirs.distinct_fields:
            raise TypeError("Cannot combine queries with different distinct fields.")
        if (self._conf.kind == INSTANCES) != (other._conf.kind == INSTANCES) or self._conf.fields != other._conf.fields:
            raise TypeError("Merging 'QuerySet' classes must involve the same values in each case.")

    def _merged(self, other: Any, connector: str) -> Self:
        def describe(values: list[Any]) -> Hashable:
            return connector, shape_of(other, values)

        merged = self._shaped("merge", describe, lambda out: ops.Merge(freeze(other, out), connector))
        known = dict(self._conf.known)
        for field, objects in other._conf.known.items():
            known[field] = {**known.get(field, {}), **objects}
        merged._conf = merged._conf.evolve(known=known)
        return merged


def _with_params(texts: dict[Any, str], params: list[Any]) -> dict[Any, Any]:
    """Each SQL text with its share of the parameters."""
    made: dict[Any, Any] = {}
    position = 0
    for name, text in texts.items():
        text = str(text)
        count = text.replace("%%", "").count("%s")
        made[name] = RawSQL(text, params[position : position + count])
        position += count
    return made


def truncation(method: str, field_name: str, kind: str, tzinfo: Any) -> Any:
    """The Trunc expression of dates() and datetimes()."""
    from covet.database.orm.expressions.outputs import output  # noqa: PLC0415 - as above
    from covet.database.orm.functions.datetime import Trunc  # noqa: PLC0415 - kept beside its only use

    if method == "dates":
        return Trunc(field_name, kind, output_field=output("DateField"))
    return Trunc(field_name, kind, output_field=output("DateTimeField"), tzinfo=tzinfo)


def _key(value: Any, values: list[Any]) -> Hashable:
    """The key of a filter's value; None where only the general way can tell."""
    from covet.database.orm.shape import Unplannable  # noqa: PLC0415 - the slow path's

    try:
        return shape_of(value, values)
    except Unplannable:
        return None


def _names(field: Any) -> tuple[str, ...]:
    attname = getattr(field, "attname", None)
    accessor = field.get_accessor_name() if hasattr(field, "get_accessor_name") and not field.concrete else None
    return tuple(name for name in (field.name, attname, accessor) if name)


def _has_default_alias(expression: Any) -> bool:
    try:
        return bool(expression.default_alias)
    except (AttributeError, TypeError):
        return False


def _position(count: Any, method: str) -> int:
    if isinstance(count, bool) or not isinstance(count, int):
        raise TypeError(f"{method}() takes a whole number, not {count!r}.")
    if count < 0:
        raise ValueError("Negative indexing is not supported.")
    return count


def _check_conditions(args: tuple[Any, ...]) -> None:
    for arg in args:
        if isinstance(arg, dict):
            raise FieldError("Cannot parse keyword query as dict")
        if not hasattr(arg, "resolve_expression"):
            message = f"filter() takes Q objects, conditional expressions and keyword arguments, not {arg!r}."
            # As Django, which unpacks it.
            raise ValueError(message) if isinstance(arg, str) else TypeError(message)


def _check_expressions(method: str, expressions: tuple[Any, ...]) -> None:
    invalid = [
        str(expression)
        for expression in expressions
        if not hasattr(expression, "resolve_expression") and not hasattr(expression, "relation_name")
    ]
    if invalid:
        raise TypeError(f"QuerySet.{method}() received non-expression(s): {', '.join(invalid)}.")


__all__ = ["Building", "FieldError"]
