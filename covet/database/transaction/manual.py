"""Autocommit turned off: one transaction after the other, each from its first query to `commit()` or `rollback()`.

`set_autocommit(False)` concerns the task that calls it, and ends with it at the latest: what was then not
committed is rolled back, and a warning says so.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from covet.database.transaction import hooks
from covet.database.transaction.state import OpenTransaction, run_hooks
from covet.exceptions import TransactionManagementError

if TYPE_CHECKING:
    from covet.database.adapters.base import Adapter

logger = logging.getLogger("covet.database")


class ManualTransaction(OpenTransaction):
    """A transaction without a block of its own; blocks inside it are savepoints."""

    __slots__ = ()

    @property
    def in_block(self) -> bool:
        """Whether a block is open inside it."""
        return bool(self.savepoints)

    def check_owner(self) -> None:
        """Refuse tasks that only share the transaction."""
        if asyncio.current_task() is not self.owner:
            raise TransactionManagementError(
                "autocommit is off in the task that turned it off: only that task may commit, roll back or open a "
                "block; give this one a transaction of its own through `detached()`"
            )

    def end(self, reason: str) -> None:
        """No query after this; the task need not be watched any more."""
        self.close(reason)
        if self.owner is not None:
            self.owner.remove_done_callback(self._left_open)

    def _left_open(self, _task: asyncio.Task[Any]) -> None:
        """Roll back what a task leaves behind that ended with autocommit off."""
        self.close("the task that turned autocommit off has ended")
        if self.held is not None:
            logger.warning(
                "%s: a task ended with autocommit off and a transaction open; what it had not committed was rolled "
                "back: end with commit() or rollback(), then set_autocommit(True)",
                self.adapter.name,
            )
            self.leases.spawn(self.rollback())


def begin(adapter: Adapter) -> None:
    """Turn autocommit off for the running task: its next query begins a transaction."""
    task = asyncio.current_task()
    if task is None:
        raise TransactionManagementError("autocommit can be turned off inside a task only: nothing else would end it")
    statements = adapter.begin_sql(isolation=None, readonly=False, deferrable=False)
    state = ManualTransaction(adapter, task, statements)
    task.add_done_callback(state._left_open)  # noqa: SLF001 - its own module
    adapter.pin.set(state)


def finish(state: ManualTransaction) -> None:
    """Turn autocommit on again.

    Raises:
        TransactionManagementError: a transaction is open.
    """
    state.check_owner()
    if state.held is not None or state.busy:
        raise TransactionManagementError(
            "a transaction is open: call commit() or rollback() before set_autocommit(True)"
        )
    state.end("autocommit has been turned on again")
    state.adapter.pin.set(None)


async def commit(state: ManualTransaction) -> None:
    """Commit, run the hooks, and let the next query begin anew.

    Raises:
        TransactionManagementError: the transaction was marked for rollback, or an error in it was swallowed.
    """
    state.check_owner()
    if state.needs_rollback:
        raise TransactionManagementError("the transaction was marked for rollback: call rollback()") from state.cause
    cancelled: asyncio.CancelledError | None = None
    try:
        await state.commit()
    except asyncio.CancelledError as exc:
        # Delivered once the commit is known to have happened.
        cancelled = exc
    finally:
        state.end("the transaction has been committed; run the query in the task that turned autocommit off")
        state.adapter.pin.set(None)
        try:
            if state.committed and state.hooks:
                await run_hooks(state.hooks, hooks.report_failure)
        finally:
            begin(state.adapter)
    if cancelled is not None:
        raise cancelled


async def rollback(state: ManualTransaction) -> None:
    """Roll back, and let the next query begin anew."""
    state.check_owner()
    try:
        await state.rollback()
    finally:
        state.end("the transaction has been rolled back; run the query in the task that turned autocommit off")
        begin(state.adapter)
