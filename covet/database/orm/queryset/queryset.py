"""QuerySet itself: the parts put together, and managers made of it."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from covet.database.orm.queryset.raw import RawQuerySet
from covet.database.orm.queryset.writing import Writing

M = TypeVar("M")


class QuerySet(Writing[M]):
    """Rows of a model: lazy, immutable, awaitable.

    `await qs` is the list of rows; `async for row in qs` iterates; chained methods make new QuerySets.
    Every method that runs a query has Django's a-name too (`aget`, `acount` …).

    Args:
        model: the model class. using: a database alias. hints: passed to database routers.
    """

    queryset_only: ClassVar[bool]

    @classmethod
    def as_manager(cls) -> Any:
        """A manager with this QuerySet's methods."""
        manager = late_manager.make(cls)
        manager._built_with_as_manager = True
        return manager

    as_manager.__func__.queryset_only = True  # type: ignore[attr-defined]

    def raw(self, sql: str, params: Any = (), translations: Any = None, using: str | None = None) -> RawQuerySet:
        """Instances out of SQL, with `$1` or `%s` for each of `params`."""
        rows = RawQuerySet(
            sql, model=self.model, params=params, translations=translations, using=using or self._conf.db
        )
        rows._prefetch_related_lookups = self._conf.prefetch
        return rows

    def __copy__(self) -> Any:
        return self._chain()


class _Emptiness(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, QuerySet) and instance._facts.empty


class EmptyQuerySet(metaclass=_Emptiness):
    """A mark for isinstance: `isinstance(qs.none(), EmptyQuerySet)`.

    Raises:
        TypeError: on any attempt to make one.
    """

    def __init__(self) -> None:
        raise TypeError("EmptyQuerySet can't be instantiated")


__all__ = ["QuerySet", "RawQuerySet"]


class LateManager:
    """How `as_manager` makes a manager; the managers' floor fills it in."""

    make: Any


late_manager = LateManager()
