"""`on_commit`: callbacks, sync or async, that run once the outermost transaction has been committed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Generator
from typing import Any

from covet.database.connections.registry import DEFAULT, connections
from covet.database.transaction.state import OpenTransaction
from covet.exceptions import TransactionClosed, TransactionManagementError
from covet.portal.greenlets import in_portal, wait

logger = logging.getLogger("covet.database")

_running: set[asyncio.Future[Any]] = set()


class Registered:
    """What `on_commit` returns: awaiting it waits for a callback that ran at once; else it is done already."""

    __slots__ = ("_future",)

    def __init__(self, future: asyncio.Future[Any] | None = None) -> None:
        self._future = future

    def __await__(self) -> Generator[Any, None, None]:
        if self._future is not None:
            yield from self._future.__await__()


def register(state: OpenTransaction, callback: Callable[[], Any], *, robust: bool) -> None:
    """Keep `callback` until `state` commits; rolling back a savepoint that is open now forgets it."""
    state.hooks.append((frozenset(state.savepoints), callback, robust))


def on_commit(callback: Callable[[], Any], using: str | None = None, robust: bool = False) -> Registered:
    """Call `callback` after the commit, at once when no transaction is open; never after a rollback.

    Args:
        callback: takes no argument; may be async.
        using: the database's alias.
        robust: log an exception of the callback instead of raising it, and go on with the next.

    Raises:
        TransactionClosed: the transaction that this task was started in has ended.
        TransactionManagementError: autocommit is off, and no block is open.
    """
    if not callable(callback):
        raise TypeError("on_commit()'s callback must be a callable.")
    state = connections[using or DEFAULT].pin.get()
    if isinstance(state, OpenTransaction):
        if state.closed:
            raise TransactionClosed(state.closed)
        if not state.in_block:
            raise TransactionManagementError("on_commit() cannot be used in manual transaction management")
        register(state, callback, robust=robust)
        return Registered()
    return _run_now(callback, robust=robust)


def _run_now(callback: Callable[[], Any], *, robust: bool) -> Registered:
    try:
        answer = callback()
        if not isinstance(answer, Awaitable):
            return Registered()
        if in_portal():
            wait(answer)
            return Registered()
    except Exception as exc:
        if not robust:
            raise
        logger.exception("Error calling %s in on_commit() (%s).", _name(callback), exc)
        return Registered()
    future = asyncio.ensure_future(_awaited(answer, callback, robust=robust))
    _running.add(future)
    future.add_done_callback(_running.discard)
    return Registered(future)


async def _awaited(answer: Awaitable[Any], callback: Callable[[], Any], *, robust: bool) -> None:
    try:
        await answer
    except Exception as exc:
        if not robust:
            raise
        logger.exception("Error calling %s in on_commit() (%s).", _name(callback), exc)


def report_failure(callback: Callable[[], Any], exc: BaseException) -> None:
    """Log what a robust callback raised."""
    logger.error("Error calling %s in on_commit() during transaction (%s).", _name(callback), exc, exc_info=exc)


def _name(callback: Any) -> str:
    return getattr(callback, "__qualname__", None) or repr(callback)
