"""Q objects: conditions that combine with `&`, `|`, `^` and `~`."""

from __future__ import annotations

import copy
import functools
from collections.abc import Hashable, Iterator
from typing import Any, Final, Self

from covet.database.orm.expressions.identity import hashable
from covet.database.orm.expressions.late import late
from covet.database.orm.expressions.refs import F
from covet.database.orm.shape import freeze, shape_of

LOOKUP_SEP: Final = "__"


class Q:
    """A condition: lookups, expressions and other conditions, joined by one connector.

    Args:
        args: conditions, conditional expressions or (lookup, value) pairs.
        kwargs: lookups and their values.
    """

    AND = "AND"
    OR = "OR"
    XOR = "XOR"
    default = AND
    conditional = True
    connectors = (None, AND, OR, XOR)

    def __init__(self, *args: Any, _connector: str | None = None, _negated: bool = False, **kwargs: Any) -> None:
        if _connector not in self.connectors:
            known = ", ".join(repr(connector) for connector in self.connectors[1:])
            raise ValueError(f"_connector must be one of {known}, or None.")
        self.children: list[Any] = [*args, *sorted(kwargs.items())]
        self.connector = _connector or self.default
        self.negated = _negated

    @classmethod
    def create(cls, children: list[Any] | None = None, connector: str | None = None, negated: bool = False) -> Self:
        """A condition of exactly these children."""
        made = cls(_connector=connector, _negated=negated)
        made.children = list(children or ())
        return made

    def __str__(self) -> str:
        template = "(NOT (%s: %s))" if self.negated else "(%s: %s)"
        return template % (self.connector, ", ".join(str(child) for child in self.children))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self}>"

    def __copy__(self) -> Self:
        return self.create(connector=self.connector, negated=self.negated, children=self.children)

    copy = __copy__

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        made = self.create(connector=self.connector, negated=self.negated)
        made.children = copy.deepcopy(self.children, memo)
        return made

    def __len__(self) -> int:
        return len(self.children)

    def __bool__(self) -> bool:
        return bool(self.children)

    def __contains__(self, other: object) -> bool:
        return other in self.children

    def _shape(self, out: list[Any]) -> Hashable:
        parts: list[Hashable] = []
        for child in self.children:
            if isinstance(child, (tuple, list)):
                name, value = child
                parts.append((name, shape_of(value, out)))
            else:
                parts.append(shape_of(child, out))
        return (Q, self.connector, self.negated, tuple(parts))

    def _freeze(self, out: list[Any]) -> Any:
        frozen = self.create(connector=self.connector, negated=self.negated)
        for child in self.children:
            if isinstance(child, (tuple, list)):
                name, value = child
                frozen.children.append((name, freeze(value, out)))
            else:
                frozen.children.append(freeze(child, out))
        return frozen

    def add(self, data: Any, conn_type: str) -> Any:
        """Join `data` to this condition with `conn_type`, in place."""
        if self.connector != conn_type:
            inner = self.copy()
            self.connector = conn_type
            self.negated = False
            self.children = [inner, data]
            return data
        if isinstance(data, Q) and not data.negated and (data.connector == conn_type or len(data) == 1):
            self.children.extend(data.children)
            return self
        self.children.append(data)
        return data

    def negate(self) -> None:
        """Turn the condition into its opposite, in place."""
        self.negated = not self.negated

    def _combine(self, other: Any, conn: str) -> Any:
        if getattr(other, "conditional", False) is False:
            raise TypeError(other)
        if not self:
            return other.copy()
        if not other and isinstance(other, Q):
            return self.copy()
        made = self.create(connector=conn)
        made.add(self, conn)
        made.add(other, conn)
        return made

    def __or__(self, other: Any) -> Any:
        return self._combine(other, self.OR)

    def __and__(self, other: Any) -> Any:
        return self._combine(other, self.AND)

    def __xor__(self, other: Any) -> Any:
        return self._combine(other, self.XOR)

    def __invert__(self) -> Any:
        made = self.copy()
        made.negate()
        return made

    def resolve_expression(
        self,
        query: Any = None,
        allow_joins: bool = True,
        reuse: Any = None,
        summarize: bool = False,
        for_save: bool = False,
    ) -> Any:
        """The condition in `query`; joins that it needs drop no row."""
        clause, joins = query.build_q(
            self, reuse, allow_joins=allow_joins, split_subq=False, check_filterable=False, summarize=summarize
        )
        query.promote_joins(joins)
        return clause

    def replace_expressions(self, replacements: dict[Any, Any]) -> Any:
        """A copy in which names are replaced by expressions."""
        if not replacements:
            return self
        clone = self.create(connector=self.connector, negated=self.negated)
        for child in self.children:
            if isinstance(child, tuple):
                clone.children.append(_replaced_lookup(child, replacements))
            else:
                clone.children.append(child.replace_expressions(replacements))
        return clone

    def flatten(self) -> Iterator[Any]:
        """The condition, then the values and expressions in it, outermost first."""
        yield self
        for child in self.children:
            inner = child[1] if isinstance(child, tuple) else child
            if hasattr(inner, "flatten"):
                yield from inner.flatten()
            else:
                yield inner

    def prefixed(self, prefix: str) -> Any:
        """The condition with `prefix` before every name in it."""
        clone = self.create(connector=self.connector, negated=self.negated)
        for child in self.children:
            if isinstance(child, tuple):
                name, value = child
                clone.children.append((f"{prefix}{name}", _prefixed(value, prefix)))
            else:
                clone.children.append(_prefixed(child, prefix))
        return clone

    prefix_references = prefixed

    def check(self, against: dict[str, Any], using: str = "default") -> Any:
        """Ask the database whether the condition holds for the values in `against`; awaitable."""
        return late.check_condition(self, against, using)

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        """The import path, the arguments and the keywords that make an equal condition."""
        cls = type(self)
        path = "covet.database.orm.Q" if cls is Q else f"{cls.__module__}.{cls.__name__}"
        kwargs: dict[str, Any] = {}
        if self.connector != self.default:
            kwargs["_connector"] = self.connector
        if self.negated:
            kwargs["_negated"] = True
        return path, tuple(self.children), kwargs

    @property
    def identity(self) -> tuple[Any, ...]:
        """What makes it equal to another condition."""
        path, args, kwargs = self.deconstruct()
        return (
            path,
            *kwargs.items(),
            *((child[0], hashable(child[1])) if isinstance(child, tuple) else child for child in args),
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Q):
            return NotImplemented
        return other.identity == self.identity

    def __hash__(self) -> int:
        return hash(self.identity)

    @functools.cached_property
    def referenced_base_fields(self) -> set[str]:
        """The first names of all references in it."""
        return {name.split(LOOKUP_SEP, 1)[0] for name in referenced_names(self)}


def _prefixed(value: Any, prefix: str) -> Any:
    if hasattr(value, "prefixed"):
        return value.prefixed(prefix)
    return value.prefix_references(prefix) if hasattr(value, "prefix_references") else value


def referenced_names(q: Q) -> Iterator[str]:
    """Every lookup name in `q`, and the names its expressions refer to."""
    for child in q.children:
        if isinstance(child, Q):
            yield from referenced_names(child)
        elif isinstance(child, tuple):
            name, value = child
            yield name
            if hasattr(value, "resolve_expression"):
                yield from _expression_names(value)
        elif hasattr(child, "resolve_expression"):
            yield from _expression_names(child)


def _expression_names(expression: Any) -> Iterator[str]:
    if isinstance(expression, F):
        yield expression.name
    elif hasattr(expression, "flatten"):
        for part in expression.flatten():
            if isinstance(part, F):
                yield part.name
            elif isinstance(part, Q):
                yield from referenced_names(part)


def _replaced_lookup(child: tuple[str, Any], replacements: dict[Any, Any]) -> Any:
    """The lookup instance that (name, value) is when its name is replaced; the pair when it is not."""
    lhs, rhs = child
    lookup: str | None
    path, _, lookup = lhs.rpartition(LOOKUP_SEP)
    if not path:
        path, lookup = lhs, None
    reference = F(path)
    replacement = reference.replace_expressions(replacements)
    if replacement is reference:
        return child
    lookup = lookup or "exact"
    lookup_class = replacement.get_lookup(lookup)
    if lookup_class is None:
        # The last name may be a transform, compared for equality.
        transform = replacement.get_transform(lookup)
        if transform is not None:
            replacement = transform(replacement)
            lookup = "exact"
            lookup_class = replacement.get_lookup(lookup)
    if rhs is None and lookup == "exact":
        lookup_class, rhs = replacement.get_lookup("isnull"), True
    return child if lookup_class is None else lookup_class(replacement, rhs)


class FilteredRelation:
    """A relation with a condition in its join.

    Args:
        relation_name: the path of the relation.
        condition: what related rows must meet to be joined.
    """

    def __init__(self, relation_name: str, *, condition: Any = None) -> None:
        if not relation_name:
            raise ValueError("relation_name cannot be empty.")
        if condition is None:
            condition = Q()
        if not isinstance(condition, Q):
            raise ValueError("condition argument must be a Q() instance.")
        self.relation_name = relation_name
        self.alias: str | None = None
        self.condition = condition

    def _shape(self, out: list[Any]) -> Hashable:
        return (type(self), self.relation_name, self.condition._shape(out))

    def _freeze(self, out: list[Any]) -> Any:
        clone = self.clone()
        clone.condition = self.condition._freeze(out)
        return clone

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FilteredRelation):
            return NotImplemented
        return (self.relation_name, self.alias, self.condition) == (other.relation_name, other.alias, other.condition)

    __hash__ = None  # type: ignore[assignment]

    def clone(self) -> FilteredRelation:
        """A copy."""
        made = type(self)(self.relation_name, condition=self.condition)
        made.alias = self.alias
        return made


late.condition = Q

__all__ = ["F", "FilteredRelation", "Q"]
