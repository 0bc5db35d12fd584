"""The condition tree of WHERE and HAVING; built by filters, emitted by the compiler."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from functools import reduce
from typing import Any, Final

import sqlalchemy as sa

from covet.database.orm.compiler.datastructures import AND, OR, XOR
from covet.database.orm.expressions.outputs import output
from covet.exceptions import EmptyResultSet, FullResultSet


class Condition:
    """What every condition can be asked, as expressions can."""

    conditional = True
    filterable = True
    resolved = True
    window_compatible = False
    set_returning = False
    is_summary = False
    allowed_default = False
    empty_result_set_value: Any = NotImplemented

    def get_source_expressions(self) -> list[Any]:
        return []

    @property
    def output_field(self) -> Any:
        """A boolean."""
        return output("BooleanField")

    @property
    def _output_field_or_none(self) -> Any:
        return self.output_field

    def get_lookup(self, name: str) -> Any:
        return self.output_field.get_lookup(name)

    def get_transform(self, name: str) -> Any:
        return self.output_field.get_transform(name)

    @property
    def contains_subquery(self) -> bool:
        return any(
            getattr(source, "subquery", False) or getattr(source, "contains_subquery", False)
            for source in self.get_source_expressions()
        )

    @property
    def contains_column_references(self) -> bool:
        return any(getattr(source, "contains_column_references", False) for source in self.get_source_expressions())

    def get_refs(self) -> set[str]:
        """The names of the annotations that are referred to."""
        names: set[str] = set()
        for source in self.get_source_expressions():
            if hasattr(source, "get_refs"):
                names |= source.get_refs()
        return names

    def resolve_expression(self, *_args: Any, **_kwargs: Any) -> Any:
        """Itself: it is made resolved."""
        return self

    def flatten(self) -> Iterator[Any]:
        """It and everything in it, outermost first."""
        yield self
        for source in self.get_source_expressions():
            if hasattr(source, "flatten"):
                yield from source.flatten()
            else:
                yield source


class Nothing(Condition):
    """A condition that no row meets."""

    contains_aggregate = False
    contains_over_clause = False

    def as_clause(self, compiler: Any) -> Any:
        raise EmptyResultSet

    def get_source_expressions(self) -> list[Any]:
        return []

    def get_group_by_cols(self) -> list[Any]:
        return []


class WhereNode(Condition):
    """Conditions joined by one connector, possibly negated."""

    def __init__(self, children: list[Any] | None = None, connector: str = AND, *, negated: bool = False) -> None:
        self.children: list[Any] = list(children or [])
        self.connector = connector
        self.negated = negated

    def __bool__(self) -> bool:
        return bool(self.children)

    def __repr__(self) -> str:
        return f"{'NOT ' if self.negated else ''}({self.connector}: {self.children!r})"

    def add(self, condition: Any, connector: str) -> None:
        """Join `condition` to the tree with `connector`."""
        if self.connector != connector:
            self.children = [WhereNode(self.children, self.connector, negated=self.negated), condition]
            self.connector, self.negated = connector, False
            return
        if (
            isinstance(condition, WhereNode)
            and not condition.negated
            and (condition.connector == connector or len(condition.children) == 1)
        ):
            self.children.extend(condition.children)
        else:
            self.children.append(condition)

    def clone(self) -> WhereNode:
        """A copy whose tree can be changed apart from this one; conditions are shared."""
        children = [child.clone() if isinstance(child, WhereNode) else child for child in self.children]
        return WhereNode(children, self.connector, negated=self.negated)

    copy = clone

    def _changed(self, change: Callable[[Any], Any]) -> WhereNode:
        return WhereNode([change(child) for child in self.children], self.connector, negated=self.negated)

    def relabeled_clone(self, change_map: dict[str, str]) -> WhereNode:
        """A copy in which table aliases are renamed."""
        return self._changed(
            lambda child: child.relabeled_clone(change_map) if hasattr(child, "relabeled_clone") else child
        )

    def replace_expressions(self, replacements: dict[Any, Any]) -> WhereNode:
        """A copy in which equal expressions are replaced."""
        return self._changed(
            lambda child: child.replace_expressions(replacements) if hasattr(child, "replace_expressions") else child
        )

    def leaves(self) -> Iterator[Any]:
        """Every condition below, in order."""
        for child in self.children:
            if isinstance(child, WhereNode):
                yield from child.leaves()
            else:
                yield child

    @property
    def contains_aggregate(self) -> bool:
        return any(getattr(leaf, "contains_aggregate", False) for leaf in self.leaves())

    @property
    def contains_over_clause(self) -> bool:
        return any(getattr(leaf, "contains_over_clause", False) for leaf in self.leaves())

    def get_source_expressions(self) -> list[Any]:
        return self.children[:]

    def set_source_expressions(self, children: list[Any]) -> None:
        self.children = list(children)

    def get_group_by_cols(self) -> list[Any]:
        return [column for leaf in self.leaves() for column in leaf.get_group_by_cols()]

    def split(
        self, *, negated: bool = False, must_group: bool = False
    ) -> tuple[WhereNode | None, WhereNode | None, WhereNode | None]:
        """(WHERE, HAVING, QUALIFY) parts: a window or aggregate can only be tested after it is computed.

        Args:
            negated: whether what is around it is negated.
            must_group: whether the query has groups.

        Raises:
            NotImplementedError: a window or something about single rows, where rows are grouped.
        """
        if not self.contains_aggregate and not self.contains_over_clause:
            return self, None, None
        turned = negated != self.negated
        indivisible = self.connector == XOR or self.connector == (AND if turned else OR)
        if indivisible and self.contains_aggregate and not self.contains_over_clause:
            return None, self, None
        parts: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
        for child in self.children:
            if isinstance(child, WhereNode):
                for bucket, part in zip(parts, child.split(negated=turned, must_group=must_group), strict=True):
                    if part is not None:
                        bucket.append(part)
            elif getattr(child, "contains_over_clause", False):
                parts[2].append(child)
            elif getattr(child, "contains_aggregate", False):
                parts[1].append(child)
            else:
                parts[0].append(child)
        if indivisible and parts[2] and len(self.children) > 1:
            if parts[0] and must_group:
                raise NotImplementedError(
                    "Heterogeneous disjunctive predicates against window functions are not implemented when "
                    "performing conditional aggregation."
                )
            return None, None, self
        where, having, qualify = (
            WhereNode(part, self.connector, negated=self.negated) if part else None for part in parts
        )
        return where, having, qualify

    def as_clause(self, compiler: Any) -> Any:
        """The SQLAlchemy condition.

        Raises:
            EmptyResultSet: nothing can match. FullResultSet: everything does.
        """
        if self.connector == XOR and len(self.children) > 1:
            return self._xor_clause(compiler)
        full_needed = len(self.children) if self.connector != OR else 1
        empty_needed = 1 if self.connector != OR else len(self.children)
        clauses: list[Any] = []
        for child in self.children:
            try:
                clauses.append(compiler.process(child))
            except EmptyResultSet:
                empty_needed -= 1
            except FullResultSet:
                full_needed -= 1
            if empty_needed == 0:
                if self.negated:
                    raise FullResultSet
                raise EmptyResultSet
            if full_needed == 0:
                if self.negated:
                    raise EmptyResultSet
                raise FullResultSet
        if not clauses:
            raise FullResultSet
        joined = clauses[0] if len(clauses) == 1 else (sa.or_ if self.connector == OR else sa.and_)(*clauses)
        return Negation(joined) if self.negated else joined

    def _xor_clause(self, compiler: Any) -> Any:
        """Odd parity and at least one, as Django writes a chain of ^ where the database has no XOR.

        The second part decides where a condition is NULL: parity counts NULL as false, OR does not.
        """
        clauses: list[Any] = []
        constant = 0
        for child in self.children:
            try:
                clauses.append(compiler.process(child))
            except EmptyResultSet:
                continue
            except FullResultSet:
                constant += 1
        if not clauses:
            if not constant:
                if self.negated:
                    raise FullResultSet
                raise EmptyResultSet
            # The database is asked all the same, as by Django, which counts what is true in SQL.
            odd: Any = sa.literal_column(f"{constant % 2} = 1")
            return Negation(odd) if self.negated else odd
        total = reduce(operator.add, (sa.case((clause, _ONE), else_=_ZERO) for clause in clauses))
        parity = total % _TWO if compiler.vendor == "sqlite" else sa.func.mod(total, _TWO)
        result = parity == (_ONE if constant % 2 == 0 else _ZERO)
        if not constant:
            result = sa.and_(sa.or_(*clauses), result)
        return Negation(result) if self.negated else result


_ZERO: Final[Any] = sa.literal_column("0")
_ONE: Final[Any] = sa.literal_column("1")
_TWO: Final[Any] = sa.literal_column("2")


def Negation(clause: Any) -> Any:  # noqa: N802 - reads as the node it makes
    """NOT (clause), spelled out: three-valued logic must not be rewritten by operator tricks."""
    return sa.sql.elements.UnaryExpression(
        sa.sql.elements.Grouping(clause) if not isinstance(clause, sa.sql.elements.Grouping) else clause,
        operator=sa.sql.operators.inv,
        type_=sa.Boolean(),
    )


class JoinPromoter:
    """Decides which joins of one Q must be outer joins and which may be inner.

    Under OR, a join that not every child needs must keep the rows the others match; under AND, a
    join that one child needs as inner is inner for all.
    """

    def __init__(self, connector: str, children: int, *, negated: bool) -> None:
        self.connector = connector
        if negated:
            # A negated ^ counts as AND; ^ itself neither promotes nor demotes. It is Django's rule, lost rows included.
            self.effective = OR if connector == AND else AND
        else:
            self.effective = connector
        self.children = children
        self.votes: dict[str, int] = {}

    def add_votes(self, aliases: Any) -> None:
        """One child needs these aliases as inner joins."""
        for alias in aliases:
            self.votes[alias] = self.votes.get(alias, 0) + 1

    def update_join_types(self, query: Any) -> set[str]:
        """Promote and demote on `query`; returns the aliases that the parent may count as needed."""
        promote: set[str] = set()
        demote: set[str] = set()
        for alias, votes in self.votes.items():
            if self.effective == OR and votes < self.children:
                promote.add(alias)
            if self.effective == AND or (self.effective == OR and votes == self.children):
                demote.add(alias)
        query.promote_joins(promote)
        query.demote_joins(demote)
        return demote
