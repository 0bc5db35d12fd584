"""The portal: a coroutine driven inside a pooled greenlet, so that sync code under it may wait for I/O.

The application, tasks, tests and `run` enter it; attribute access on models waits through `wait`. It
knows nothing of databases or requests and never starts a thread or an event loop.

A worker greenlet drives one coroutine at a time. Each value the coroutine yields (a future) is handed
to the hub, the greenlet that resumed the worker, which yields it on to the event loop; `wait` does the
same from any depth of sync frames. Values travel in the worker's slots, never in call arguments, because
the frame of an idle worker would keep its last argument alive.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Coroutine, Generator
from types import CoroutineType, coroutine
from typing import Any, Final, TypeVar

from greenlet import GreenletExit, getcurrent, greenlet

from covet.exceptions import NotInPortal

T = TypeVar("T")

FOREIGN: Final = -1
YIELDED: Final = 0
RETURNED: Final = 1
RAISED: Final = 2

MAX_IDLE: Final = 1024
"""Idle greenlets kept for each thread; one holds about 2 kB."""


class Worker(greenlet):
    """A greenlet that drives coroutines, one after the other."""

    __slots__ = ("source", "value")

    value: Any
    source: greenlet | None


class _Idle(threading.local):
    """This thread's idle workers: a greenlet can only be resumed in its own thread."""

    def __init__(self) -> None:
        self.workers: list[Worker] = []


_idle = _Idle()


def _work() -> int:
    """Drive the coroutine in `me.value`, report, wait for the next one; ends when the pool is full.

    No local keeps the greenlet itself while it is suspended: its own frame is out of the collector's sight,
    and a worker that was abandoned would never be freed.
    """
    while True:
        me: Any = getcurrent()
        coro = me.value
        sent = thrown = None
        while True:
            try:
                me.value = coro.send(sent) if thrown is None else coro.throw(thrown)
            except StopIteration as stop:
                me.value = stop.value
                outcome = RETURNED
                break
            except BaseException as exc:  # noqa: BLE001 - every outcome is the caller's
                exc.__traceback__ = exc.__traceback__ and exc.__traceback__.tb_next
                me.value = exc
                outcome = RAISED
                break
            sent = thrown = None
            hub = me.parent
            me = None
            try:
                sent = hub.switch(YIELDED)
            except GreenletExit:
                # The hub was collected while suspended: the coroutine's `finally` blocks run, nobody hears.
                coro.close()
                return RETURNED
            except BaseException as exc:  # noqa: BLE001 - thrown in by the task: cancellation, close()
                thrown = exc
            me = getcurrent()
        coro = sent = thrown = None
        idle: Any = _idle.workers
        if len(idle) >= MAX_IDLE:
            return outcome
        idle.append(me)
        hub = me.parent
        me = idle = None
        hub.switch(outcome)


@coroutine
def enter(coro: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
    """Drive `coro` in a worker greenlet of its own, whatever the current greenlet is."""
    hub = getcurrent()
    idle = _idle.workers
    worker = idle.pop() if idle else Worker(_work)
    if worker.parent is not hub:
        worker.parent = hub
    # While it runs, a greenlet's gr_context is the thread's current one: the worker shares it.
    worker.gr_context = hub.gr_context
    worker.value = coro
    del coro
    target: Any = worker
    outcome = worker.switch()
    while outcome <= YIELDED:
        if outcome == FOREIGN:
            target = worker.source
            worker.source = None
        waited_for = worker.value
        worker.value = None
        try:
            sent = yield waited_for
        except BaseException as exc:
            waited_for = None
            # Tasks step in the greenlet of their event loop, but close() may come from any (the collector,
            # an eager start), and the worker answers to its parent.
            current = getcurrent()
            if worker.parent is not current:
                if _root(current) is not _root(hub):
                    # Another thread's collector: only its own thread can run the worker, and will close the
                    # coroutine when it finds the worker dropped.
                    raise
                worker.parent = current
            outcome = target.throw(exc)
        else:
            waited_for = None
            current = getcurrent()
            if worker.parent is not current:
                worker.parent = current
            outcome = target.switch(sent)
            sent = None
        target = worker
    worker.gr_context = None
    value = worker.value
    worker.value = None
    if outcome == RETURNED:
        return value  # type: ignore[no-any-return]
    try:
        raise value
    finally:
        # The traceback holds this frame: without this, each exception would be a cycle.
        del value


def _root(current: Any) -> Any:
    """The greenlet that is the thread itself."""
    while current.parent is not None:
        current = current.parent
    return current


async def portal(awaitable: Awaitable[T]) -> T:
    """Await `awaitable` so that sync code it calls may `wait` for I/O.

    Context variables, cancellation, timeouts and exceptions pass through unchanged. Inside a portal
    it is a plain `await`.

    Example:
        `response = await portal(handler(request))`
    """
    if type(getcurrent()) is Worker:
        return await awaitable
    if type(awaitable) is not CoroutineType:
        awaitable = _awaiting(awaitable)
    return await enter(awaitable)


async def _awaiting(awaitable: Awaitable[T]) -> T:
    return await awaitable


def in_portal() -> bool:
    """Whether `wait` works here."""
    current: Any = getcurrent()
    while current is not None:
        if type(current) is Worker:
            return True
        current = current.parent
    return False


def wait(awaitable: Awaitable[T]) -> T:
    """Wait for `awaitable` from sync code that runs inside a portal; other tasks go on meanwhile.

    Raises:
        NotInPortal: there is no portal here; the message says how to get one.
    """
    current: Any = getcurrent()
    worker: Any = current
    while type(worker) is not Worker:
        worker = worker.parent
        if worker is None:
            if isinstance(awaitable, CoroutineType):
                awaitable.close()
            raise NotInPortal(
                "cannot wait for I/O from sync code outside a portal; await it, or run the code through "
                "`await covet.portal.portal(coroutine)` or `covet.run(main())`"
            )
    # Under a greenlet of SQLAlchemy's (or anyone's), the answer must come back to that one, not to the worker.
    signal = YIELDED if worker is current else FOREIGN
    steps: Any = awaitable if type(awaitable) is CoroutineType else _awaiting(awaitable)
    thrown = sent = None
    while True:
        try:
            worker.value = steps.send(sent) if thrown is None else steps.throw(thrown)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        sent = thrown = None
        if signal == FOREIGN:
            worker.source = current
        try:
            sent = worker.parent.switch(signal)  # type: ignore[union-attr]
        except GreenletExit:
            steps.close()
            raise
        except BaseException as exc:  # noqa: BLE001 - cancellation belongs to what is waited for
            thrown = exc
