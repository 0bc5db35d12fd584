"""aiosqlite's connection with a thread of our own: no logging on each call, and it outlives a closed event loop."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Final

import aiosqlite

_STOP: Final = object()


Identity = tuple[str, int, int]
"""A file: its path, device and number; -1 where there is none."""


def identity(path: str) -> Identity:
    """The file that a path leads to now."""
    try:
        found = os.stat(path)
    except OSError:
        return path, -1, -1
    return path, found.st_dev, found.st_ino


class SQLite(sqlite3.Connection):
    """A connection that can be referred to weakly, and knows which file it has opened."""

    opened: Identity | None = None


class Driver(aiosqlite.Connection):
    """One thread, one connection."""

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, iter_chunk_size=64)
        # A daemon: a thread that hangs in a query must not keep the process.
        self._thread = threading.Thread(target=_work, args=(self._tx,), name="covet-sqlite", daemon=True)

    def stop(self) -> asyncio.Future[Any] | None:
        """Close after what is queued, and end the thread; the future is done when that has happened."""
        try:
            future: asyncio.Future[Any] | None = asyncio.get_running_loop().create_future()
        except RuntimeError:
            future = None
        self._stop_with(future)
        return future

    def abandon(self) -> None:
        """The same, and nobody waits for it."""
        self._stop_with(None)

    def _stop_with(self, future: asyncio.Future[Any] | None) -> None:
        connection, self._connection = self._connection, None
        self._running = False

        def close() -> object:
            if connection is not None:
                connection.close()
            return _STOP

        self._tx.put_nowait((future, close))


def _work(queue: SimpleQueue[tuple[asyncio.Future[Any] | None, Callable[[], Any]]]) -> None:
    while True:
        future, function = queue.get()
        result = None
        try:
            result = function()
        except BaseException as exc:  # noqa: BLE001 - it belongs to the task that waits
            _deliver(future, _fail, exc)
        else:
            _deliver(future, _succeed, result)
        if result is _STOP:
            return
        del future, function, result


def _deliver(future: asyncio.Future[Any] | None, how: Callable[[asyncio.Future[Any], Any], None], what: Any) -> None:
    if future is None:
        return
    try:
        future.get_loop().call_soon_threadsafe(how, future, what)
    except RuntimeError:
        # The event loop was closed meanwhile: nobody waits any more.
        return


def _succeed(future: asyncio.Future[Any], result: Any) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], exc: BaseException) -> None:
    if not future.done():
        future.set_exception(exc)
