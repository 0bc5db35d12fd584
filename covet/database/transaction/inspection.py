"""Looking at, and by hand steering, the transaction that a task is in, under Django's names."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from covet.database.adapters.base import Adapter
from covet.database.connections.registry import DEFAULT, connections
from covet.database.transaction.state import OpenTransaction
from covet.exceptions import NotSupportedError, TransactionManagementError


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
        """Whether a transaction is open."""
        return self.state is not None

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
    if state is None:
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
    if state is not None:
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
    """Refused except for what already holds: connections are leased for each query.

    Raises:
        TransactionManagementError: inside a transaction.
        NotSupportedError: autocommit cannot be turned off.
    """
    _refuse_inside(using)
    if not autocommit:
        raise NotSupportedError("autocommit cannot be turned off: open a transaction with `async with transaction():`")


async def commit(using: str | None = None) -> None:
    """Nothing, outside a transaction; inside one `tx.commit()` is meant.

    Raises:
        TransactionManagementError: inside a transaction.
    """
    _refuse_inside(using)


async def rollback(using: str | None = None) -> None:
    """Nothing, outside a transaction; inside one `tx.rollback()` is meant.

    Raises:
        TransactionManagementError: inside a transaction.
    """
    _refuse_inside(using)


def _refuse_inside(using: str | None) -> None:
    if get_connection(using).in_atomic_block:
        raise TransactionManagementError("This is forbidden when an 'atomic' block is active.")
