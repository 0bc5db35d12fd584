"""`covet.run(main())`: a script's event loop, with the portal around it and orderly closing after it."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from covet.portal.greenlets import portal
from covet.portal.tasks import install

T = TypeVar("T")

_closers: list[Callable[[], Awaitable[None]]] = []


def at_close(closer: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """Register an async function that `run` awaits after `main`; floors above (database, cache) use it."""
    if closer not in _closers:
        _closers.append(closer)
    return closer


async def close_all() -> None:
    """Await every registered closer, the last registered first; one that fails does not stop the others."""
    errors: list[Exception] = []
    for closer in reversed(_closers):
        try:
            await closer()
        except Exception as exc:  # noqa: BLE001 - raised below, after the others had their turn
            errors.append(exc)
    if errors:
        raise errors[0]


def new_event_loop() -> asyncio.AbstractEventLoop:
    """A uvloop event loop where uvloop is installed, else asyncio's."""
    if importlib.util.find_spec("uvloop") is None:
        return asyncio.new_event_loop()
    import uvloop  # noqa: PLC0415 - optional dependency

    return uvloop.new_event_loop()


async def _main(coro: Coroutine[Any, Any, T]) -> T:
    install()
    try:
        return await portal(coro)
    finally:
        await close_all()


def run(
    main: Coroutine[Any, Any, T],
    *,
    debug: bool | None = None,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> T:
    """Run `main` inside a portal on a new event loop, then close connections, and return its result.

    Args:
        main: a coroutine: `covet.run(main())`.
        debug: asyncio's debug mode.
        loop_factory: makes the event loop; uvloop's by default where it is installed.
    """
    if not asyncio.iscoroutine(main):
        raise TypeError(f"covet.run() takes a coroutine, as in covet.run(main()), not {main!r}")
    with asyncio.Runner(debug=debug, loop_factory=loop_factory or new_event_loop) as runner:
        return runner.run(_main(main))
