"""One open transaction: its connection, savepoints, hooks, and how it ends.

The context manager in `manager` drives it; queries meet its parent class, `Pin`, alone. It decides nothing
about retries or decorators.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from covet.database.adapters.leases import SETTLE
from covet.database.adapters.outcomes import Verdict
from covet.database.adapters.pins import Pin
from covet.exceptions import (
    DatabaseError,
    TransactionClosed,
    TransactionManagementError,
    TransactionOutcomeUnknown,
)

if TYPE_CHECKING:
    from covet.database.adapters.base import Adapter

COMMIT_GRACE: Final = 0.8
"""Seconds that a cancelled task still waits for the answer to its COMMIT."""

Hook = tuple[frozenset[str | None], Callable[[], Any], bool]


class OpenTransaction(Pin):
    """A transaction between its first `async with` and its end.

    Attributes:
        savepoints: ids of the open savepoints, None for blocks merged into their outer one.
        hooks: on_commit callbacks, each with the savepoints that were open when it was registered.
        cause: the exception that marked the transaction for rollback.
        committed: whether COMMIT has succeeded: nothing may run it again.
        is_test: whether it wraps a test, in which any task may nest.
    """

    __slots__ = ("cause", "committed", "hooks", "is_test", "numbered", "savepoints")

    def __init__(
        self,
        adapter: Adapter,
        owner: asyncio.Task[Any] | None,
        begin: Sequence[str],
        *,
        readonly: bool = False,
        is_test: bool = False,
    ) -> None:
        super().__init__(adapter, owner, begin, readonly=readonly)
        self.savepoints: list[str | None] = []
        self.hooks: list[Hook] = []
        self.cause: BaseException | None = None
        self.is_test = is_test
        self.numbered = 0
        self.committed = False

    @property
    def in_block(self) -> bool:
        """Whether an `async with` block is open in it."""
        return True

    def check_owner(self) -> None:
        """Refuse savepoints of tasks that only share the transaction: they would end in a random order."""
        task = asyncio.current_task()
        if task is not self.owner and not self.is_test:
            raise TransactionManagementError(
                "a savepoint can only be opened by the task that opened the transaction: tasks that run side by side "
                "would release each other's savepoints; run them one after the other, or give this one a "
                "transaction of its own through `detached()`"
            )

    def mark(self, cause: BaseException | None) -> None:
        """No query until the end of the block, which rolls back."""
        self.needs_rollback = True
        if cause is not None:
            self.cause = cause

    # Savepoints

    async def savepoint(self) -> str:
        """Set a savepoint; its id."""
        self.numbered += 1
        name = f"s{self.numbered}"
        await self._command(f"SAVEPOINT {name}")
        return name

    async def release_savepoint(self, name: str) -> None:
        """Keep what was done since the savepoint."""
        await self._command(f"RELEASE SAVEPOINT {name}")

    async def rollback_savepoint(self, name: str) -> None:
        """Undo what was done since the savepoint, its hooks included."""
        await self._command(f"ROLLBACK TO SAVEPOINT {name}")
        self.error = None
        self.hooks = [hook for hook in self.hooks if name not in hook[0]]

    async def _command(self, sql: str) -> None:
        held = await self.take()
        try:
            if self.lost is not None:
                raise self.lost
            await self.adapter.observe(held.command, sql)
        except BaseException as exc:
            failure = self._failed(exc)
            if failure is exc:
                raise
            raise failure from exc
        finally:
            self.pass_on()

    # The end

    async def commit(self) -> None:
        """Commit, and know the outcome before a cancellation is delivered.

        Raises:
            TransactionManagementError: the server rolled back instead, because of an error that was swallowed.
            TransactionOutcomeUnknown: the answer did not come.
            IntegrityError, OperationalError: a deferred constraint or a serialization failure.
        """
        if self.closed:
            raise TransactionClosed(self.closed)
        if self.busy:
            await self._wait_turn()
        self.busy = True
        held = self.held
        if held is None:
            self.committed = True
            self.close("the transaction has been committed; run the query before its end, or in another one")
            self.leave()
            return
        if self.lost is not None:
            await self.rollback()
            raise self.lost
        task = self.leases.spawn(self._commit_on(held))
        cancelled = await self._outcome(task)
        try:
            if not task.done():
                held.dead = True
                task.cancel()
                self._give_back(held, well=False)
                raise TransactionOutcomeUnknown(
                    f"COMMIT was not answered within {COMMIT_GRACE} s of the cancellation: it may or may not have "
                    "happened"
                ) from cancelled
            self._judge_commit(task, held)
        finally:
            self.close("the transaction has ended; run the query before its end, or in another one")
        if cancelled is not None:
            raise cancelled

    async def _commit_on(self, held: Any) -> str:
        return await self.adapter.observe(held.command, "COMMIT")  # type: ignore[no-any-return]

    async def _outcome(self, task: asyncio.Task[str]) -> asyncio.CancelledError | None:
        """Wait for the answer through a cancellation, but not forever; that cancellation."""
        cancelled: asyncio.CancelledError | None = None
        deadline: float | None = None
        while not task.done():
            try:
                await asyncio.wait([task], timeout=None if deadline is None else deadline - time.monotonic())
            except asyncio.CancelledError as exc:
                cancelled = exc
                deadline = deadline or time.monotonic() + COMMIT_GRACE
            if deadline is not None and time.monotonic() >= deadline:
                break
        return cancelled

    def _judge_commit(self, task: asyncio.Task[str], held: Any) -> None:
        exc = task.exception() if not task.cancelled() else asyncio.CancelledError()
        if exc is None:
            tag = task.result()
            self._give_back(held, well=True)
            if tag == "ROLLBACK":
                raise TransactionManagementError(
                    "the transaction was rolled back at its end: an error inside it was swallowed"
                    + (f" ({self.error})" if self.error is not None else "")
                ) from self.error
            self.committed = True
            return
        adapter = self.adapter
        verdict = adapter.judge(exc)
        if verdict in (Verdict.DEAD, Verdict.INTERRUPTED):
            self._give_back(held, well=False)
            raise TransactionOutcomeUnknown(
                f"the connection was lost while COMMIT was on its way: it may or may not have happened ({exc})"
            ) from exc
        if verdict is Verdict.UNSENT:
            self._give_back(held, well=False)
        else:
            # The server has rolled back, or is still inside the transaction: mending makes sure.
            self.held = None
            self.leases.mend(held)
            self.leave()
        raise adapter.map_error(exc) from exc

    async def rollback(self) -> None:
        """Roll back; waits at most a second, then the connection is cut, which has the same effect."""
        self.close("the transaction has been rolled back; run the query before its end, or in another one")
        self.hooks.clear()
        held = self.held
        if held is None:
            self.leave()
            return
        self.held = None
        task = self.leases.spawn(self._roll_back(held))
        await asyncio.wait([task])

    async def _roll_back(self, held: Any) -> None:
        well = False
        started = time.perf_counter()
        try:
            deadline = time.monotonic() + SETTLE
            while self.busy and not held.dead and time.monotonic() < deadline:
                # A child task's query is still on the connection.
                held.interrupt()
                await asyncio.sleep(0.005)
            if not self.busy and not held.dead:
                well = await held.settle()
        except Exception:  # noqa: BLE001 - a connection that cannot roll back is cut: that rolls back too
            well = False
        if self.adapter.query_hooks:
            self.adapter.report("ROLLBACK", (), time.perf_counter() - started)
        self._give_back(held, well=well)

    def _give_back(self, held: Any, *, well: bool) -> None:
        self.held = None
        if well and not held.dead:
            self.leases.put(held)
        else:
            self.leases.discard(held)
            if self.lost is not None:
                self.leases.suspect()
        self.leave()


async def run_hooks(hooks: list[Hook], report: Callable[[Callable[[], Any], BaseException], None]) -> None:
    """Call on_commit callbacks in their order; a robust one that fails is reported, another stops the rest."""
    while hooks:
        _, callback, robust = hooks.pop(0)
        try:
            answer = callback()
            if isinstance(answer, Awaitable):
                await answer
        except Exception as exc:
            if not robust:
                raise
            report(callback, exc)


def is_retryable(exc: BaseException) -> bool:
    """Whether running the whole transaction again is the remedy: a serialization failure or a deadlock."""
    return isinstance(exc, DatabaseError) and exc.sqlstate in ("40001", "40P01")
