"""The task factory that carries the portal to child tasks: `gather`, `create_task`, TaskGroup."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from types import CoroutineType, coroutine
from typing import Any, TypeVar

from covet.portal.greenlets import enter, in_portal

T = TypeVar("T")


@coroutine
def _when_started(coro: CoroutineType[Any, Any, T]) -> Generator[Any, Any, T]:
    """Stop once before entering, so that a task cancelled before its first step closes `coro` quietly."""
    try:
        yield
    except BaseException:
        coro.close()
        raise
    return (yield from enter(coro))


async def _carried(coro: CoroutineType[Any, Any, T]) -> T:
    return await _when_started(coro)


class PortalTaskFactory:
    """Makes tasks; those created inside a portal run inside a portal of their own.

    Args:
        inner: the task factory that was installed before, which goes on making the tasks.
    """

    __slots__ = ("inner",)

    def __init__(self, inner: Any = None) -> None:
        self.inner = inner

    def __call__(self, loop: asyncio.AbstractEventLoop, coro: Any, /, **options: Any) -> asyncio.Future[Any]:
        if isinstance(coro, CoroutineType) and coro.cr_code is not _carried.__code__ and in_portal():
            carried: Any = _carried(coro)
            named: Any = coro
            carried.__name__, carried.__qualname__ = named.__name__, named.__qualname__
            carried.send(None)
            coro = carried
        if self.inner is not None:
            return self.inner(loop, coro, **options)  # type: ignore[no-any-return]
        return asyncio.Task(coro, loop=loop, **options)


task_factory = PortalTaskFactory()


def install(loop: asyncio.AbstractEventLoop | None = None) -> None:
    """Carry the portal to child tasks of `loop` (the running one by default); a second call changes nothing."""
    loop = loop or asyncio.get_running_loop()
    present = loop.get_task_factory()
    if isinstance(present, PortalTaskFactory):
        return
    loop.set_task_factory(PortalTaskFactory(present) if present is not None else task_factory)
