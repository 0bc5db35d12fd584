"""Where Django's own answer is wrong, so that there is nothing to agree with; told by Django's own state.

`Query.split_exclude` makes the subquery of a negated condition over several rows. It takes the subquery's table for
one that the outer query has joined already if their aliases are equal, and then compares the two by primary key.
Aliases are the tables' names, or `T2`, `T3` by count: `Q(stores__books__pages=3) & ~Q(books__pages=1)` has one book in
a store and another of the publisher, both under the alias of the table of books. Django's SQL asks whether the store's
book is not of one page, and never asks about the publisher's. The same in `~Q(mentor__age=3, pupils__age=1)`: both
are `T2`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

ALIAS_COINCIDENCE: Final = "alias coincidence"

_met: ContextVar[list[str]] = ContextVar("met")
_asking: ContextVar[tuple[Any, Any]] = ContextVar("asking")


@contextmanager
def noted() -> Iterator[list[str]]:
    """Collect the names of the defects that the block's QuerySets run into."""
    _install()
    met: list[str] = []
    token = _met.set(met)
    try:
        yield met
    finally:
        _met.reset(token)


def _install() -> None:
    from django.db.models.sql.query import Query

    if hasattr(Query.split_exclude, "original"):
        return
    split, trim = Query.split_exclude, Query.trim_start

    def split_exclude(self: Any, filter_expression: Any, can_reuse: Any, names_with_path: Any) -> Any:
        token = _asking.set((self, can_reuse))
        try:
            return split(self, filter_expression, can_reuse, names_with_path)
        finally:
            _asking.reset(token)

    def trim_start(self: Any, names_with_path: Any) -> Any:
        joins = dict(self.alias_map)
        answer = trim(self, names_with_path)
        outer, can_reuse = _asking.get()
        alias = self.select[0].alias
        if alias in can_reuse and _way(joins, alias) != _way(outer.alias_map, alias):
            met = _met.get(None)
            if met is not None:
                met.append(ALIAS_COINCIDENCE)
        return answer

    split_exclude.original = split  # type: ignore[attr-defined]
    Query.split_exclude, Query.trim_start = split_exclude, trim_start


def _way(joins: Any, alias: str) -> list[Any]:
    """The relations from the base table to `alias`."""
    way: list[Any] = []
    while (parent := getattr(joins[alias], "parent_alias", None)) is not None:
        way.append(joins[alias].join_field)
        alias = parent
    return way
