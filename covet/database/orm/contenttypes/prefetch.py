"""GenericPrefetch: prefetching a generic foreign key with a QuerySet of one's own for each model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from covet.database.orm.prefetch import Prefetch


class GenericPrefetch(Prefetch):
    """A `Prefetch` of a GenericForeignKey.

    Args:
        lookup: the path to it.
        querysets: one for each model that is not to be fetched with its base manager.
        to_attr: as in `Prefetch`.

    Raises:
        ValueError: a QuerySet does not make model instances.
    """

    def __init__(self, lookup: str, querysets: Sequence[Any], to_attr: str | None = None) -> None:
        for queryset in querysets:
            Prefetch(lookup, queryset)
        self.querysets = list(querysets)
        super().__init__(lookup, to_attr=to_attr)

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        fetched = []
        for queryset in self.querysets:
            copied = queryset._chain()
            copied._result_cache = []
            copied._prefetch_done = True
            fetched.append(copied)
        state["querysets"] = fetched
        return state

    def get_current_querysets(self, level: int) -> list[Any] | None:
        return self.querysets if self.get_current_prefetch_to(level) == self.prefetch_to else None
