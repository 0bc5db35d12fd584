"""QuerySets: lazy, immutable, awaitable descriptions of rows."""

from covet.database.orm.queryset.pending import Pending
from covet.database.orm.queryset.queryset import EmptyQuerySet, QuerySet, RawQuerySet

__all__ = ["EmptyQuerySet", "Pending", "QuerySet", "RawQuerySet"]
