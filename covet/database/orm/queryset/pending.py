"""The awaitable that a query method returns: it knows where it was made, and says so when it is misused."""

from __future__ import annotations

import functools
import linecache
import warnings
from collections.abc import Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from covet._speedups import select
from covet.exceptions import MissingAwait

if TYPE_CHECKING:
    from covet._speedups import _calls_py as calls
else:
    calls = select("calls")

P = ParamSpec("P")
T = TypeVar("T")
passes_on = calls.passes_on
manager_get = calls.manager_get


class Pending(calls.Call, Generic[T]):
    """A query that runs when it is awaited.

    Reading an attribute of it raises `MissingAwait` with the place of the call; one that is never
    awaited warns with that place (`RuntimeWarning`, as Python does for coroutines).
    """

    __slots__ = ()

    if TYPE_CHECKING:

        def __init__(self, name: str, method: Callable[..., Coroutine[Any, Any, T]], *args: Any) -> None: ...
        def __await__(self) -> Generator[Any, Any, T]: ...

    def send(self, value: Any) -> Any:
        """One step, as a coroutine takes it: so `asyncio.create_task()` takes it for one."""
        return self._running().send(value)

    def throw(self, *error: Any) -> Any:
        """Raise an error inside, as in a coroutine."""
        return self._running().throw(*error)

    def _running(self) -> Any:
        if self._method is not None:
            # From here on the arguments' place holds the coroutine.
            self._args = self._method(*self._args)
            self._method = None
        return self._args

    def close(self) -> None:
        """Give the query up without a warning."""
        self._method = None
        if isinstance(self._args, Coroutine):
            self._args.close()

    def _place(self) -> str:
        line = _line(self._code, self._lasti)
        text = linecache.getline(self._code.co_filename, line).strip()
        return f"{self._code.co_filename}:{line}" + (f": {text}" if text else "")

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("__", "cr_", "gi_")):
            # asyncio asks whether it is a generator.
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

    def _forgotten(self) -> None:
        """Warn: it goes away and was never awaited."""
        warnings.warn(f"{self._name}() was never awaited ({self._place()})", RuntimeWarning, stacklevel=2, source=self)

    def __repr__(self) -> str:
        return f"<Pending {self._name}() from {self._place()}>"


def pending(method: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Let an async method answer with a `Pending`: a forgotten `await` is told with the place of the call."""
    name = method.__name__

    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> Any:
        if kwargs:
            return Pending(name, functools.partial(method, *args, **kwargs))
        return Pending(name, method, *args)

    return call


def _line(code: Any, lasti: int) -> int:
    line = code.co_firstlineno
    for start, stop, number in code.co_lines():
        if start <= lasti < stop:
            return int(number or line)
    return int(line)
