"""References: names (`F`, `OuterRef`) and what they resolve to (`Col`, `Ref`)."""

from __future__ import annotations

import copy
from collections.abc import Hashable, Iterator, Sequence
from typing import Any, ClassVar, Self

from covet.database.orm.expressions.base import Deconstructible, Expression
from covet.database.orm.expressions.combinable import Combinable
from covet.database.orm.expressions.late import late
from covet.exceptions import NotSupportedError


class F(Deconstructible, Combinable):
    """The value of a field, annotation, transform or related field, by name.

    `F('author__name')`, `F('created__year')`, `F('title')[:10]`.
    """

    public_path = "covet.database.orm.F"
    allowed_default = False

    def __init__(self, name: Any) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name})"

    def __getitem__(self, subscript: int | slice) -> Sliced:
        return Sliced(self, subscript)

    def __contains__(self, other: object) -> bool:
        # Having __getitem__, Python would otherwise try indexes for ever.
        raise TypeError(f"argument of type '{type(self).__name__}' is not iterable")

    def _shape(self, out: list[Any]) -> Hashable:
        name = self.name
        return (type(self), name._shape(out) if hasattr(name, "_shape") else name)

    def _freeze(self, out: list[Any]) -> Any:
        return self

    def resolve_expression(
        self,
        query: Any = None,
        allow_joins: bool = True,
        reuse: Any = None,
        summarize: bool = False,
        for_save: bool = False,
    ) -> Any:
        """The column, annotation or transform of that name in `query`."""
        return query.resolve_ref(self.name, allow_joins, reuse, summarize)

    def prefixed(self, prefix: str) -> F:
        """The same reference through `prefix`."""
        return F(f"{prefix}{self.name}")

    def replace_expressions(self, replacements: dict[Any, Any]) -> Any:
        """Its replacement, or that of its first part with its transforms applied."""
        replacement = replacements.get(self)
        if replacement is not None:
            return replacement
        first, *transforms = self.name.split("__")
        if not transforms:
            return self
        replacement = replacements.get(F(first))
        if replacement is None or replacement._output_field_or_none is None:
            return self
        for name in transforms:
            transform = replacement.get_transform(name)
            if transform is None:
                return self
            replacement = transform(replacement)
        return replacement

    def asc(self, **kwargs: Any) -> Any:
        """Ascending order by it."""
        return late.order_by(self, **kwargs)

    def desc(self, **kwargs: Any) -> Any:
        """Descending order by it."""
        return late.order_by(self, descending=True, **kwargs)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def copy(self) -> Self:
        """A shallow copy."""
        return copy.copy(self)


class ResolvedOuterRef(F):
    """A reference to an outer query, inside a subquery that has not met it yet."""

    contains_aggregate = False
    contains_over_clause = False
    contains_column_references = False
    contains_subquery = False

    def as_sql(self, *args: Any, **kwargs: Any) -> tuple[str, Sequence[Any]]:
        """Refused: it must have been resolved against the outer query.

        Raises:
            ValueError: always.
        """
        raise ValueError("This queryset contains a reference to an outer query and may only be used in a subquery.")

    as_clause = as_sql

    def get_source_expressions(self) -> list[Any]:
        """Nothing."""
        return []

    def resolve_expression(self, *args: Any, **kwargs: Any) -> Any:
        """The outer query's column.

        Raises:
            NotSupportedError: the name is that of a window expression.
        """
        column = super().resolve_expression(*args, **kwargs)
        if column.contains_over_clause:
            raise NotSupportedError(f"Referencing outer query window expression is not supported: {self.name}.")
        # A copy: an annotation of the outer query is shared.
        column = column.copy()
        column.possibly_multivalued = "__" in self.name
        if isinstance(column, Col):
            column.is_outer = True
        return column

    def relabeled_clone(self, relabels: dict[str, str]) -> Any:
        """Itself: it names no alias."""
        return self

    def get_group_by_cols(self) -> list[Any]:
        """Nothing: an outer row is constant within the subquery."""
        return []

    def get_refs(self) -> set[str]:
        """Nothing."""
        return set()


class OuterRef(F):
    """In a subquery, the value of a field of the query around it."""

    public_path = "covet.database.orm.OuterRef"
    contains_aggregate = False
    contains_over_clause = False

    def resolve_expression(self, query: Any = None, *args: Any, **kwargs: Any) -> Any:
        """The outer query's column, where there is one already; nested references go further out.

        Raises:
            NotSupportedError: the name is that of a window expression.
        """
        outer = getattr(query, "outer", None)
        if isinstance(self.name, OuterRef):
            return self.name if outer is None else self.name.resolve_expression(outer, *args, **kwargs)
        reference = ResolvedOuterRef(self.name)
        if outer is None:
            return reference
        return reference.resolve_expression(outer)

    def relabeled_clone(self, relabels: dict[str, str]) -> Any:
        """Itself: it names no alias."""
        return self


class Sliced(F):
    """A slice of a character or array field: `F('title')[:10]`."""

    def __init__(self, obj: F, subscript: int | slice) -> None:
        super().__init__(obj.name)
        self.obj = obj
        self.length: int | None
        if isinstance(subscript, int):
            if subscript < 0:
                raise ValueError("Negative indexing is not supported.")
            self.start, self.length = subscript + 1, 1
            return
        if not isinstance(subscript, slice):
            raise TypeError("Argument to slice must be either int or slice instance.")
        start, stop, step = subscript.start, subscript.stop, subscript.step
        if (start is not None and start < 0) or (stop is not None and stop < 0):
            raise ValueError("Negative indexing is not supported.")
        if step is not None:
            raise ValueError("Step argument is not supported.")
        if stop and start and stop < start:
            raise ValueError("Slice stop must be greater than slice start.")
        self.start = (start or 0) + 1
        self.length = None if stop is None else stop - (start or 0)

    def __repr__(self) -> str:
        start = self.start - 1
        stop = None if self.length is None else start + self.length
        return f"{type(self).__qualname__}({self.obj!r}, {slice(start, stop)!r})"

    def _shape(self, out: list[Any]) -> Hashable:
        return (type(self), self.obj._shape(out), self.start, self.length)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sliced) and (self.obj, self.start, self.length) == (
            other.obj,
            other.start,
            other.length,
        )

    def __hash__(self) -> int:
        return hash((self.obj, self.start, self.length))

    def resolve_expression(
        self,
        query: Any = None,
        allow_joins: bool = True,
        reuse: Any = None,
        summarize: bool = False,
        for_save: bool = False,
    ) -> Any:
        """The slice of the resolved field, as its field class makes it."""
        resolved = query.resolve_ref(self.name, allow_joins, reuse, summarize)
        inner = resolved
        if isinstance(self.obj, (OuterRef, Sliced)):
            inner = self.obj.resolve_expression(query, allow_joins, reuse, summarize, for_save)
        return resolved.output_field.slice_expression(inner, self.start, self.length)


class Col(Expression):
    """A column of a table that is part of the query.

    Args:
        alias: the table's alias; None for a bare column name.
        target: the field whose column it is.
        output_field: the field whose values it has, when not `target`'s.
    """

    contains_column_references: ClassVar[bool] = True
    possibly_multivalued = False
    is_outer = False

    def __init__(self, alias: str | None, target: Any, output_field: Any = None) -> None:
        super().__init__(output_field=target if output_field is None else output_field)
        self.alias = alias
        self.target = target

    def __repr__(self) -> str:
        names = (self.alias, str(self.target)) if self.alias else (str(self.target),)
        return f"{type(self).__name__}({', '.join(names)})"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Sequence[Any]]:
        if self.alias is None:
            return connection.ops.quote_name(self.target.column), []
        return compiler.token(compiler.real.column(self.alias, self.target)), []

    def relabeled_clone(self, relabels: dict[str, str]) -> Any:
        if self.alias is None:
            return self
        return type(self)(relabels.get(self.alias, self.alias), self.target, self.output_field)

    def get_group_by_cols(self) -> list[Any]:
        # A column of the query around this one is constant here.
        return [] if self.is_outer else [self]

    def get_db_converters(self, connection: Any) -> list[Any]:
        own: list[Any] = self.output_field.get_db_converters(connection)
        if self.target == self.output_field:
            return own
        return own + self.target.get_db_converters(connection)  # type: ignore[no-any-return]


class ColPairs(Expression):
    """The columns of a composite key."""

    def __init__(self, alias: str, targets: Sequence[Any], sources: Sequence[Any], output_field: Any) -> None:
        super().__init__(output_field=output_field)
        self.alias = alias
        self.targets = targets
        self.sources = sources

    def __len__(self) -> int:
        return len(self.targets)

    def __iter__(self) -> Iterator[Col]:
        return iter(self.get_cols())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.alias!r}, {self.targets!r}, {self.sources!r}, {self.output_field!r})"

    def get_cols(self) -> list[Col]:
        """A `Col` for each."""
        return [Col(self.alias, target, source) for target, source in zip(self.targets, self.sources, strict=True)]

    def get_source_expressions(self) -> list[Any]:
        return list(self.get_cols())

    def set_source_expressions(self, exprs: Sequence[Any]) -> None:
        assert all(isinstance(expression, Col) and expression.alias == self.alias for expression in exprs)
        self.targets = [column.target for column in exprs]
        self.sources = [column.field for column in exprs]

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Sequence[Any]]:
        return ", ".join(compiler.compile(column)[0] for column in self.get_cols()), []

    def relabeled_clone(self, relabels: dict[str, str]) -> Any:
        return type(self)(relabels.get(self.alias, self.alias), self.targets, self.sources, self.field)

    def resolve_expression(self, *args: Any, **kwargs: Any) -> Any:
        return self

    def select_format(self, compiler: Any, sql: str, params: Sequence[Any]) -> tuple[str, Sequence[Any]]:
        return sql, params


class Ref(Expression):
    """A reference to a selected annotation by its alias.

    Args:
        refs: the annotation's name.
        source: the annotation.
    """

    def __init__(self, refs: str, source: Any) -> None:
        super().__init__()
        self.refs = refs
        self.source = source

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.refs}, {self.source})"

    def get_source_expressions(self) -> list[Any]:
        return [self.source]

    def set_source_expressions(self, exprs: Sequence[Any]) -> None:
        (self.source,) = exprs

    def resolve_expression(self, *args: Any, **kwargs: Any) -> Any:
        return self

    def get_refs(self) -> set[str]:
        return {self.refs}

    def relabeled_clone(self, relabels: dict[str, str]) -> Any:
        clone = self.copy()
        clone.source = self.source.relabeled_clone(relabels)
        return clone

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Sequence[Any]]:
        return connection.ops.quote_name(self.refs).replace("%", "%%"), []

    def get_group_by_cols(self) -> list[Any]:
        return [self]


late.reference = F
late.composite = ColPairs
