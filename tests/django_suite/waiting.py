"""Waiting in sync test bodies for what an async ORM hands back.

The loader wraps every call made by a sync function of a test module in `settle`. Whatever is awaitable and
not lazy by design (a QuerySet, an instance) is awaited there, through the product's own portal; native async
test functions are left alone and use the native surface.
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any

from covet.portal import run, wait

_lazy: tuple[type, ...] = ()
_sliceable: tuple[type, ...] = ()


def treat_as_lazy(*types: type) -> None:
    """Instances of `types` are awaitable, but a sync body never means to await them."""
    global _lazy
    _lazy = types


def fetch_items_of(*types: type) -> None:
    """An index into an instance of `types` needs its rows."""
    global _sliceable
    _sliceable = types


def settle(value: Any) -> Any:
    """The result of `value` when it is a pending operation, else `value` itself."""
    kind = type(value)
    if hasattr(kind, "__await__"):
        return value if isinstance(value, _lazy) else wait(value)
    if hasattr(kind, "__aiter__") and kind.__module__ != "unittest.mock" and not isinstance(value, _lazy):
        return iter(value) if hasattr(kind, "__iter__") else drained(aiter(value))
    return value


def item(value: Any, key: Any) -> Any:
    """`value[key]`: of a lazy QuerySet, rows that are fetched now where Django would fetch them."""
    is_lazy = isinstance(value, _sliceable) and getattr(value, "_result_cache", None) is None
    if not is_lazy:
        return value[key]
    if isinstance(key, slice) and key.step is not None:
        return list(value[key.start : key.stop])[:: key.step]
    if isinstance(key, int) and key >= 0:
        return list(value[key : key + 1])[0]  # noqa: RUF015 - an IndexError is what tests expect
    return value[key]


def settling(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` with its result settled (for callables handed to unittest)."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return settle(function(*args, **kwargs))

    return call


def drained(iterator: AsyncIterator[Any]) -> Iterator[Any]:
    """A sync iterator over an async one."""
    try:
        while True:
            try:
                yield wait(iterator.__anext__())
            except StopAsyncIteration:
                return
    finally:
        close = getattr(iterator, "aclose", None)
        if close is not None:
            wait(close())


class SyncContext:
    """`with` and decorator over a factory of async context managers (`transaction.atomic`)."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._open: list[Any] = []

    def __enter__(self) -> Any:
        manager = self._make()
        value = wait(manager.__aenter__())
        self._open.append(manager)
        return value

    def __exit__(self, *error: Any) -> Any:
        return wait(self._open.pop().__aexit__(*error))

    async def __aenter__(self) -> Any:
        manager = self._make()
        value = await manager.__aenter__()
        self._open.append(manager)
        return value

    async def __aexit__(self, *error: Any) -> Any:
        return await self._open.pop().__aexit__(*error)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def awaited(*args: Any, **kwargs: Any) -> Any:
                async with type(self)(self._make):
                    return await function(*args, **kwargs)

            return awaited

        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            with type(self)(self._make):
                return settle(function(*args, **kwargs))

        return called


def portals_in_threads(packages: Iterable[str]) -> None:
    """A thread whose target is a function of a test package gets an event loop and a portal of its own."""
    run_thread = threading.Thread.run
    ours = frozenset(packages)

    def run_in_portal(thread: threading.Thread) -> None:
        target = getattr(thread, "_target", None)
        if getattr(target, "__module__", "").split(".")[0] not in ours:
            run_thread(thread)
            return

        async def body() -> None:
            run_thread(thread)

        run(body())

    threading.Thread.run = run_in_portal  # type: ignore[method-assign,assignment]
