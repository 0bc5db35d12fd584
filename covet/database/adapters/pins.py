"""Pins: the one connection of a transaction, and the queue in which tasks take turns on it.

The transaction floor opens and closes them, the adapters find them through a context variable. A pin
takes its connection at the first query, not at `async with`: a block without queries costs nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from covet.database.adapters.outcomes import Verdict
from covet.exceptions import DatabaseError, InternalError, TransactionClosed, TransactionManagementError

if TYPE_CHECKING:
    from covet.database.adapters.base import Adapter


DEAD: Final = frozenset({Verdict.DEAD, Verdict.UNSENT})
OUTDATED: Final = frozenset({Verdict.STALE, Verdict.STALE_DONE})


def renewed(error: BaseException) -> BaseException:
    """The same error as a new object: one that is raised twice would collect both tracebacks."""
    if not isinstance(error, DatabaseError):
        return error
    again = type(error)(*error.args)
    again.sqlstate = error.sqlstate
    again.__cause__ = error.__cause__ or error
    return again


class Pin:
    """A transaction's connection.

    Attributes:
        owner: the task that opened the transaction; only it may open savepoints.
        error: the first failure since the last savepoint was rolled back; COMMIT will be refused by it.
        lost: the failure after which the connection is gone.
    """

    __slots__ = (
        "adapter",
        "begin",
        "busy",
        "closed",
        "entered",
        "error",
        "held",
        "leases",
        "lost",
        "needs_rollback",
        "owner",
        "queue",
        "readonly",
        "token",
    )

    def __init__(
        self, adapter: Adapter, owner: asyncio.Task[Any] | None, begin: Sequence[str], *, readonly: bool = False
    ) -> None:
        self.adapter = adapter
        self.owner = owner
        self.begin = begin
        self.held: Any = None
        self.leases: Any = None
        self.readonly = readonly
        self.entered = False
        self.token: Any = None
        self.busy = False
        self.closed = ""
        self.error: BaseException | None = None
        self.lost: BaseException | None = None
        self.needs_rollback = False
        self.queue: deque[asyncio.Future[None]] = deque()

    async def perform(self, method: Callable[..., Awaitable[Any]], sql: str, args: Any) -> Any:
        """Run one call of the driver in turn.

        Raises:
            TransactionClosed: the transaction has ended.
            TransactionManagementError: an error in it was swallowed, nothing but its end is possible.
        """
        if self.closed:
            raise TransactionClosed(self.closed)
        if self.lost is not None:
            # Before the mark for rollback that the loss brought about: a lost connection is the server's fault.
            raise renewed(self.lost)
        if self.needs_rollback:
            raise TransactionManagementError(
                "An error occurred in the current transaction. You can't execute queries until the end of the "
                "'atomic' block."
            ) from self.error
        if self.busy:
            await self._wait_turn()
        self.busy = True
        try:
            held = self.held
            if held is None:
                held = await self.start()
            return await method(held, sql, args)
        except BaseException as exc:
            failure = self._failed(exc)
            if failure is exc:
                raise
            raise failure from exc
        finally:
            self.pass_on()

    async def take(self) -> Any:
        """Wait for the turn and return the connection; `pass_on` must follow."""
        if self.closed:
            raise TransactionClosed(self.closed)
        if self.busy:
            await self._wait_turn()
        self.busy = True
        try:
            return self.held or await self.start()
        except BaseException:
            self.pass_on()
            raise

    async def start(self) -> Any:
        """Lease a connection and begin on it; the caller has the turn."""
        adapter = self.adapter
        leases = self.leases = adapter.leases()
        if not self.entered:
            await adapter.enter(self)
            self.entered = True
        for last in (False, True):
            held = leases.idle.pop() if leases.idle else await leases.acquire()
            try:
                for statement in self.begin:
                    await adapter.begin_on(held, statement)
            except BaseException as exc:
                if not isinstance(exc, Exception):
                    # The BEGIN may have arrived: mending rolls back.
                    leases.mend(held)
                    raise
                leases.discard(held)
                if last or not adapter.is_dead(exc):
                    raise
                # Nothing was done yet, so a connection found dead may be replaced even for writes.
                leases.suspect()
                continue
            break
        if held.epoch != adapter.epoch:
            held.forget()
            held.epoch = adapter.epoch
        self.held = held
        return held

    def pass_on(self) -> None:
        """End the turn: the task that has waited longest goes next."""
        while self.queue:
            waiter = self.queue.popleft()
            if not waiter.done():
                # Stays busy: the turn goes straight to the waiter, no newcomer slips in between.
                waiter.set_result(None)
                return
        self.busy = False

    def close(self, reason: str) -> None:
        """No query after this; those still waiting for their turn are told."""
        self.closed = reason
        while self.queue:
            waiter = self.queue.popleft()
            if not waiter.done():
                waiter.set_exception(TransactionClosed(reason))

    def leave(self) -> None:
        """Let the next writer in, where the adapter queues them; the connection is at rest or cut."""
        if self.entered:
            self.entered = False
            self.adapter.leave(self)

    async def _wait_turn(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.queue.append(waiter)
        try:
            await waiter
        except BaseException:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.pass_on()
            raise
        if self.closed:
            self.pass_on()
            raise TransactionClosed(self.closed)

    def _failed(self, exc: BaseException) -> BaseException:
        if not isinstance(exc, Exception):
            if self.error is None:
                self.error = exc
            if self.held is not None:
                self.held.interrupt()
            return exc
        mapped: BaseException = exc if isinstance(exc, DatabaseError) else self.adapter.map_error(exc)
        if self.error is None:
            self.error = mapped
        if self.held is not None:
            cause = exc.__cause__ if isinstance(exc, DatabaseError) else exc
            verdict = self.adapter.judge(cause or exc)
            if verdict in DEAD:
                self.lost = mapped
                self.held.dead = True
            elif verdict in OUTDATED:
                # Inside a transaction nothing can be repeated; the next one starts with new statements.
                self.adapter.epoch += 1
            elif verdict is Verdict.READ_ONLY and self.readonly:
                return InternalError(f"{mapped} (the transaction was opened with readonly=True)")
            elif verdict is Verdict.READ_ONLY:
                self.held.dead = True
                self.leases.evict()
        return mapped
