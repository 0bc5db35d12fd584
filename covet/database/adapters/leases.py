"""Leases: connections checked out of SQLAlchemy's pool and handed from query to query.

An adapter owns one `Leases` for each event loop. A query pops the connection used last (no await, no
reset, no BEGIN); SQLAlchemy's pool is asked only when none is free, and keeps size, overflow and recycling.
Connections are opened, mended and closed in tasks of their own, so that a caller's cancellation never
kills one. It knows no driver: everything about a connection is asked of `Connection`.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import time
from collections import deque
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final

from covet.database.adapters.connection import Connection
from covet.exceptions import DatabaseError, DatabaseUnavailable, PoolTimeout

if TYPE_CHECKING:
    from covet.database.adapters.base import Adapter

SETTLE: Final = 0.5
"""Seconds that an interrupted connection has to come to rest before it is terminated."""
RETRY_CONNECT: Final = 0.1


class Leases:
    """The connections of one adapter on one event loop."""

    def __init__(self, source: Adapter, loop: asyncio.AbstractEventLoop) -> None:
        self.source = source
        self.loop = loop
        self.idle: deque[Connection] = deque()
        self.stale: deque[Connection] = deque()
        self.waiters: deque[asyncio.Future[Connection]] = deque()
        self.total = 0
        self.opening = 0
        self.lending: set[asyncio.Future[Connection]] = set()
        self.closed = False
        self.opened = 0
        self.tasks: set[asyncio.Task[Any]] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        # When each waiter's time is up, and the one timer that looks after them all.
        self._limits: dict[asyncio.Future[Connection], tuple[float, float]] = {}
        self._expiry: asyncio.TimerHandle | None = None

    async def acquire(self, timeout: float | None = None) -> Connection:
        """The slow way to a connection: one that was idle for long (checked first), a new one, or the next freed.

        Raises:
            PoolTimeout: none became free in time.
            DatabaseUnavailable: a new one was needed and could not be opened.
        """
        source = self.source
        while True:
            if self.idle and not self.waiters:
                return self.idle.pop()
            if not self.stale:
                break
            held = self.stale.pop()
            if await self._answers(held):
                return held
        if self.closed:
            raise DatabaseUnavailable(f"the pool of {source.name} is closed")
        waiter: asyncio.Future[Connection] = self.loop.create_future()
        self.waiters.append(waiter)
        if self.total < source.limit:
            self.open_more()
        self._limit(waiter, source.pool_timeout if timeout is None else timeout)
        try:
            return await waiter
        except BaseException:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                # Cancelled in the same turn of the loop in which the connection was handed over.
                self.put(waiter.result())
            else:
                self._forget(waiter)
            raise
        finally:
            del self._limits[waiter]

    def put(self, held: Connection) -> None:
        """Take a connection back: to the task that has waited longest, else among the idle."""
        held.used = True
        if held.dead or self.closed:
            self.discard(held)
            return
        if held.touched:
            # A caller's own SQL changed the session: reset it before anybody else gets it.
            self.mend(held)
            return
        while self.waiters:
            waiter = self.waiters.popleft()
            if not waiter.done():
                waiter.set_result(held)
                return
        self.idle.append(held)

    def discard(self, held: Connection) -> None:
        """Drop a connection that is dead or not to be trusted, and open another if someone waits."""
        self.total -= 1
        held.dead = True
        held.terminate()
        self.open_more()

    def retire(self, held: Connection) -> None:
        """Give a healthy connection back to SQLAlchemy's pool."""
        self.total -= 1
        self.spawn(held.release())
        self.open_more()

    def mend(self, held: Connection) -> None:
        """Let an interrupted connection come to rest, then put it back, or drop it."""
        self.spawn(self._mend(held))

    def suspect(self) -> None:
        """One connection was found dead: check every other before it is used."""
        self.stale.extend(self.idle)
        self.idle.clear()

    def evict(self) -> None:
        """Close every idle connection: the server behind them is no longer the right one."""
        for held in [*self.idle, *self.stale]:
            self.lose(held)

    def lose(self, held: Connection) -> None:
        """Drop an idle connection whose server has gone; one that is in use is dropped when it comes back."""
        held.dead = True
        for pile in (self.idle, self.stale):
            if held in pile:
                pile.remove(held)
                self.discard(held)
                return

    def lend(self, wanted: int) -> None:
        """SQLAlchemy's pool lacks this many connections: give it idle ones now, others as they come back."""
        while len(self.lending) > wanted:
            self.lending.pop().cancel()
        while len(self.lending) < wanted:
            pile = self.stale or self.idle
            if pile:
                wanted -= 1
                self.total -= 1
                pile.popleft().fairy.close()
                continue
            # In turn with our own waiters; what it gets goes to the pool instead of to a query.
            turn: asyncio.Future[Connection] = self.loop.create_future()
            turn.add_done_callback(self._lent)
            self.lending.add(turn)
            self.waiters.append(turn)

    def _lent(self, turn: asyncio.Future[Connection]) -> None:
        self.lending.discard(turn)
        self._forget(turn)
        if not turn.cancelled() and turn.exception() is None:
            self.retire(turn.result())

    def spawn(self, coro: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run house work in a task of its own, outside any transaction or portal of the caller."""
        task = asyncio.Task(coro, loop=self.loop, context=contextvars.Context())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def open_more(self) -> None:
        """Open as many connections as are waited for and allowed."""
        waiting = sum(not waiter.done() and waiter not in self.lending for waiter in self.waiters)
        while self.opening < waiting and self.total < self.source.limit and not self.closed:
            self.total += 1
            self.opening += 1
            self.spawn(self._open())
        if self._sweeper is None and self.total and not self.closed:
            self._sweeper = self.loop.call_later(self.source.pool_idle, self._sweep)

    async def close(self, grace: float = 5.0) -> None:
        """Close every connection; those in use get `grace` seconds to come back."""
        self.closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_exception(DatabaseUnavailable(f"the pool of {self.source.name} is closed"))
        self.waiters.clear()
        for pile in (self.idle, self.stale):
            while pile:
                self.retire(pile.pop())
        deadline = time.monotonic() + grace
        while (self.tasks or self.total > 0) and time.monotonic() < deadline:
            if self.tasks:
                await asyncio.wait(list(self.tasks), timeout=max(0.0, deadline - time.monotonic()))
            else:
                await asyncio.sleep(0.01)

    def abandon(self) -> None:
        """The loop is closed: drop what it left behind."""
        self.closed = True
        for held in [*self.idle, *self.stale]:
            held.dead = True
            held.abandon()
        self.idle.clear()
        self.stale.clear()

    async def _answers(self, held: Connection) -> bool:
        """Check a connection that was unused for long; one that fails is dropped."""
        try:
            await held.ping()
        except BaseException as exc:
            self.discard(held)
            if not isinstance(exc, Exception):
                raise
            return False
        return True

    async def _open(self) -> None:
        try:
            held = await self.source.open(self)
        except BaseException as exc:  # noqa: BLE001 - told to those who wait
            self.total -= 1
            self.opening -= 1
            self._open_failed(exc)
        else:
            self.opening -= 1
            self.opened += 1
            self.put(held)

    def _open_failed(self, exc: BaseException) -> None:
        error = exc if isinstance(exc, DatabaseError) else None
        if self.closed or self.loop.is_closed():
            return
        full = error is not None and self.total and isinstance(error.__cause__, TimeoutError | ConnectionResetError)
        if error is not None and (self.source.is_transient(error) or full):
            # With others open, no answer may mean that there are no more: MariaDB hangs up, a pooler in session mode
            # lets the last one wait. Those who wait get one of the others, or PoolTimeout.
            self.loop.call_later(RETRY_CONNECT, self.open_more)
            return
        # With no connection left nobody will ever free one: everybody is told, else one waiter for each failure.
        told = False
        while self.waiters and (not told or self.total == 0):
            waiter = self.waiters.popleft()
            if not waiter.done():
                waiter.set_exception(_renew(exc))
                told = True
        self.open_more()

    async def _mend(self, held: Connection) -> None:
        try:
            well = await held.settle()
        except BaseException:  # noqa: BLE001 - whatever it is, the connection is not to be trusted
            well = False
        if well and not held.dead:
            self.put(held)
        else:
            self.discard(held)

    def _limit(self, waiter: asyncio.Future[Connection], limit: float) -> None:
        """Let a waiter fail after `limit` seconds; most get their connection in a thousandth of that."""
        end = self.loop.time() + limit
        self._limits[waiter] = (end, limit)
        if self._expiry is None or end < self._expiry.when():
            if self._expiry is not None:
                self._expiry.cancel()
            self._expiry = self.loop.call_at(end, self._expire)

    def _expire(self) -> None:
        """Tell the waiters whose time is up, and come back for the next."""
        self._expiry = None
        source, now = self.source, self.loop.time()
        ends: list[float] = []
        for waiter, (end, limit) in self._limits.items():
            if waiter.done():
                continue
            if end > now:
                ends.append(end)
                continue
            waiter.set_exception(
                PoolTimeout(
                    f"no connection to {source.name} became free within {limit:g} s: {self.total} of {source.limit} "
                    f"are open, {self.opening} of them opening; raise pool_size, or look for long transactions"
                )
            )
        if ends and not self.closed:
            self._expiry = self.loop.call_at(min(ends), self._expire)

    def _forget(self, waiter: asyncio.Future[Connection]) -> None:
        with contextlib.suppress(ValueError):
            self.waiters.remove(waiter)

    def _sweep(self) -> None:
        """Put aside what was not used since the last sweep; close what is too old or too many."""
        self._sweeper = None
        source = self.source
        if not source.is_shared:
            oldest = time.monotonic() - source.pool_recycle if source.pool_recycle else 0.0
            while self.stale and (self.stale[0].born < oldest or self.total > source.pool_size):
                self._close_quietly(self.stale.popleft(), oldest)
            for held in list(self.idle):
                if held.born < oldest:
                    self.idle.remove(held)
                    self._close_quietly(held, oldest)
                elif held.used:
                    held.used = False
                else:
                    self.idle.remove(held)
                    self.stale.append(held)
        self.open_more()

    def _close_quietly(self, held: Connection, oldest: float) -> None:
        if held.born < oldest:
            self.discard(held)
        else:
            self.retire(held)


def _renew(exc: BaseException) -> BaseException:
    """Each waiter gets an exception object of its own: a shared one would collect everybody's traceback."""
    if not isinstance(exc, DatabaseError):
        return DatabaseUnavailable(f"opening a connection failed: {exc!r}") if isinstance(exc, Exception) else exc
    copy = type(exc)(*exc.args)
    copy.sqlstate = exc.sqlstate
    copy.__cause__ = exc.__cause__
    return copy
