"""QuerySets: lazy, immutable, awaitable descriptions of rows."""

from covet.database.orm.queryset.pending import Pending
from covet.database.orm.queryset.queryset import QuerySet, RawQuerySet

__all__ = ["Pending", "QuerySet", "RawQuerySet"]
