"""QuerySets whose rows are here already: prefetched relations, read far more often than chained on."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

from covet.database.orm.queryset.core import Core

_SHAPE = ("_node", "_values", "_conf")


@functools.cache
def held_class(queryset_class: Any) -> Any:
    """The class of QuerySets that hold rows and work out what they would ask only when they are chained on."""

    class Held(queryset_class):  # type: ignore[misc]
        _prefetch_done = True

        def __getattr__(self, name: str) -> Any:
            # Only a miss comes here: the shape was not needed so far.
            origin = self.__dict__.get("_origin") if name in _SHAPE else None
            if origin is not None:
                # What makes the QuerySet that they stand for, or the manager that does, and with what it fetched them.
                made = origin() if callable(origin) else origin[0]._stood_for(origin[1])
                for part in _SHAPE:
                    self.__dict__[part] = getattr(made, part)
                return self.__dict__[name]
            raise AttributeError(f"{queryset_class.__name__!r} object has no attribute {name!r}")

        def _clone(self) -> Any:
            clone = queryset_class.__new__(queryset_class)
            clone.model = self.model
            clone._node = self._node
            clone._values = self._values
            clone._conf = self._conf
            return clone

        def __reduce__(self) -> Any:
            plain = self._clone()
            plain._result_cache = self._result_cache
            plain._prefetch_done = True
            return plain.__reduce_ex__(2)

        if queryset_class.__iter__ is Core.__iter__:

            def __iter__(self) -> Iterator[Any]:
                return iter(self._result_cache)

    Held.__name__ = queryset_class.__name__
    Held.__qualname__ = queryset_class.__qualname__
    Held.__module__ = queryset_class.__module__
    return Held


def held_rows(queryset_class: Any, model: Any, rows: list[Any], make: Callable[[], Any]) -> Any:
    """An evaluated QuerySet of `rows`; `make` gives the QuerySet that it stands for, when that is needed."""
    cls = held_class(queryset_class)
    held = cls.__new__(cls)
    held.model = model
    held._result_cache = rows
    held._origin = make
    return held
