"""A name that Django 5.2 still answers to, with its warning: third-party code calls it."""

from __future__ import annotations

import inspect
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from covet.database.orm.prefetch import Source


class OldPrefetchName:
    """`get_prefetch_queryset` beside the `get_prefetch_querysets` of a descriptor or a related manager."""

    get_prefetch_querysets: Any

    def get_prefetch_queryset(self, instances: Any, queryset: Any = None) -> Coroutine[Any, Any, Source]:
        """`get_prefetch_querysets` with one QuerySet instead of a list, awaited.

        Args:
            instances: whose related objects are wanted: a list or a QuerySet.
            queryset: what to fetch with instead of the relation's own QuerySet.
        """
        warnings.warn(
            "get_prefetch_queryset() is deprecated. Use get_prefetch_querysets() instead.",
            DeprecationWarning,
            stacklevel=2,
        )
        return self._source_of(instances, None if queryset is None else [queryset])

    async def _source_of(self, instances: Any, querysets: list[Any] | None) -> Source:
        rows = await instances if hasattr(instances, "_fetch_all") else instances
        found: Any = self.get_prefetch_querysets(rows, querysets)
        source: Source = await found if inspect.isawaitable(found) else found
        return source
