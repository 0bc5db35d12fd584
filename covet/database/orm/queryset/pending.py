"""The awaitable that a query method returns: it knows where it was made, and says so when it is misused."""

from __future__ import annotations

import linecache
import sys
import warnings
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar

from covet.exceptions import MissingAwait

T = TypeVar("T")
# The code of functions that only pass a call on: the place that matters is their caller.
PROXIES: set[Any] = set()


class Pending(Generic[T]):
    """A query that runs when it is awaited.

    Reading an attribute of it raises `MissingAwait` with the place of the call; one that is never
    awaited warns with that place (`RuntimeWarning`, as Python does for coroutines).
    """

    __slots__ = ("__weakref__", "_args", "_code", "_lasti", "_method", "_name")

    def __init__(self, name: str, method: Callable[..., Coroutine[Any, Any, T]], *args: Any) -> None:
        frame = sys._getframe(2)
        if frame.f_code in PROXIES and frame.f_back is not None:
            frame = frame.f_back
        self._code = frame.f_code
        self._lasti = frame.f_lasti
        self._name = name
        self._method: Callable[..., Coroutine[Any, Any, T]] | None = method
        self._args = args

    def __await__(self) -> Generator[Any, Any, T]:
        method = self._method
        if method is None:
            raise RuntimeError(f"cannot reuse already awaited {self._name}()")
        self._method = None
        return method(*self._args).__await__()

    def close(self) -> None:
        """Give the query up without a warning."""
        self._method = None

    def _place(self) -> str:
        line = _line(self._code, self._lasti)
        text = linecache.getline(self._code.co_filename, line).strip()
        return f"{self._code.co_filename}:{line}" + (f": {text}" if text else "")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        self._method = None
        raise MissingAwait(
            f"{self._name}() was not awaited, so it has no attribute {name!r} yet; write `await` before it "
            f"({self._place()})"
        )

    def __iter__(self) -> Any:
        self._method = None
        raise TypeError(
            f"{self._name}() was not awaited, so it cannot be iterated; write `await` before it ({self._place()})"
        )

    def __bool__(self) -> bool:
        self._method = None
        raise TypeError(
            f"{self._name}() was not awaited, so it is neither true nor false; write `await` before it "
            f"({self._place()})"
        )

    def __del__(self) -> None:
        if self._method is not None:
            warnings.warn(
                f"{self._name}() was never awaited ({self._place()})", RuntimeWarning, stacklevel=2, source=self
            )

    def __repr__(self) -> str:
        return f"<Pending {self._name}() from {self._place()}>"


def _line(code: Any, lasti: int) -> int:
    line = code.co_firstlineno
    for start, stop, number in code.co_lines():
        if start <= lasti < stop:
            return int(number or line)
    return int(line)
