"""Looking at, and by hand steering, the transaction that a task is in, under Django's names."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from covet.database.adapters.base import Adapter
from covet.database.connections.registry import DEFAULT, connections
from covet.database.transaction import manual
from covet.database.transaction.manual import ManualTransaction
from covet.database.transaction.state import OpenTransaction
from covet.exceptions import TransactionManagementError


class ConnectionState:
    """What Django's `connection` tells about transactions, for the running task."""

    def __init__(self, adapter: Adapter) -> None:
        self.adapter = adapter
        self.alias = adapter.alias
        self.vendor = adapter.vendor

    @property
    def state(self) -> OpenTransaction | None:
        """The open transaction."""
        pin = self.adapter.pin.get()
        return pin if isinstance(pin, OpenTransaction) and not pin.closed else None

    @property
    def in_atomic_block(self) -> bool:
        """Whether a block of a transaction is open."""
        state = self.state
        return state is not None and state.in_block

    @property
    def autocommit(self) -> bool:
        """Whether each query is a transaction of its own."""
        return self.state is None

    @property
    def needs_rollback(self) -> bool:
        """Whether the block will roll back at its end."""
        state = self.state
        return state is not None and state.needs_rollback

    @needs_rollback.setter
    def needs_rollback(self, value: bool) -> None:
        set_rollback(value, self.alias)

    @property
    def savepoint_ids(self) -> list[str | None]:
        """Open savepoints, None for merged blocks."""
        state = self.state
        return state.savepoints if state is not None else []


def get_connection(using: str | None = None) -> ConnectionState:
    """The running task's view of a database's transaction."""
    return ConnectionState(connections[using or DEFAULT])


def _open(using: str | None, wanted: str) -> OpenTransaction:
    state = get_connection(using).state
    if state is None or not state.in_block:
        raise TransactionManagementError(wanted)
    return state


def get_rollback(using: str | None = None) -> bool:
    """Whether the innermost block will roll back at its end."""
    return _open(using, "The rollback flag doesn't work outside of an 'atomic' block.").needs_rollback


def set_rollback(rollback: bool, using: str | None = None) -> None:
    """Decide whether the innermost block rolls back at its end, without raising anything there."""
    state = _open(using, "The rollback flag doesn't work outside of an 'atomic' block.")
    state.needs_rollback = rollback
    state.cause = None


@contextlib.contextmanager
def mark_for_rollback_on_error(using: str | None = None) -> Iterator[None]:
    """Mark the transaction for rollback when the block raises: no query of a half-done operation remains."""
    try:
        yield
    except Exception as exc:
        mark_failed(exc, using)
        raise


def mark_failed(error: Exception, using: str | None = None) -> None:
    """Mark the open transaction for rollback: a statement in it failed half-way."""
    state = get_connection(using).state
    if state is not None and state.in_block:
        state.mark(error)
        if state.error is None:
            state.error = error


async def savepoint(using: str | None = None) -> str | None:
    """Set a savepoint by hand; None outside a transaction."""
    state = get_connection(using).state
    if state is None:
        return None
    state.check_owner()
    return await state.savepoint()


async def savepoint_rollback(sid: str | None, using: str | None = None) -> None:
    """Roll back to a savepoint set by hand."""
    state = get_connection(using).state
    if state is not None and sid is not None:
        await state.rollback_savepoint(sid)


async def savepoint_commit(sid: str | None, using: str | None = None) -> None:
    """Release a savepoint set by hand."""
    state = get_connection(using).state
    if state is not None and sid is not None:
        await state.release_savepoint(sid)


async def clean_savepoints(using: str | None = None) -> None:
    """Start numbering savepoints anew."""
    state = get_connection(using).state
    if state is not None:
        state.numbered = 0


def get_autocommit(using: str | None = None) -> bool:
    """Whether each query is a transaction of its own."""
    return get_connection(using).autocommit


def set_autocommit(autocommit: bool, using: str | None = None) -> None:
    """Turn autocommit off or on, for the running task.

    While it is off, a query begins a transaction, which `await commit()` or `await rollback()` ends; blocks
    inside it are savepoints.

    Raises:
        TransactionManagementError: inside a block of a transaction, or a transaction is open.
    """
    state = _outside_blocks(using)
    if state is None:
        if not autocommit:
            manual.begin(connections[using or DEFAULT])
    elif autocommit:
        manual.finish(state)


async def commit(using: str | None = None) -> None:
    """Commit, with autocommit off; nothing with autocommit on. Inside a block `tx.commit()` is meant.

    Raises:
        TransactionManagementError: inside a block of a transaction, or it was marked for rollback.
    """
    state = _outside_blocks(using)
    if state is not None:
        await manual.commit(state)


async def rollback(using: str | None = None) -> None:
    """Roll back, with autocommit off; nothing with autocommit on. Inside a block `tx.rollback()` is meant.

    Raises:
        TransactionManagementError: inside a block of a transaction.
    """
    state = _outside_blocks(using)
    if state is not None:
        await manual.rollback(state)


def _outside_blocks(using: str | None) -> ManualTransaction | None:
    state = get_connection(using).state
    if state is None:
        return None
    if state.in_block or not isinstance(state, ManualTransaction):
        raise TransactionManagementError("This is forbidden when an 'atomic' block is active.")
    return state
