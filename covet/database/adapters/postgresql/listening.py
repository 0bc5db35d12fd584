"""Listening: a connection outside the pool that hears one channel, and comes back when it is lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

import asyncpg

if TYPE_CHECKING:
    from covet.database.adapters.postgresql.adapter import PostgreSQLAdapter

logger = logging.getLogger("covet.database")

FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 1.0
LOST: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class Listener:
    """One channel and its callback, on the event loop that it was started on."""

    def __init__(
        self, adapter: PostgreSQLAdapter, channel: str, callback: Callable[[str], Awaitable[None] | None]
    ) -> None:
        self.adapter = adapter
        self.channel = channel
        self.callback = callback
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen, and go on doing so.

        Raises:
            OperationalError: the first connection could not be made.
        """
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = self.adapter.leases().spawn(self._run(ready))
        try:
            await ready
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Hear no more; the session is gone when this returns."""
        task = self._task
        if task is not None and not task.done():
            task.cancel()
            await asyncio.wait([task])

    def cancel(self) -> None:
        """Hear no more, without waiting for the end of the session."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self, ready: asyncio.Future[None]) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                connection = await self.adapter.connect()
                try:
                    lost = asyncio.Event()
                    connection.add_termination_listener(lambda _connection, lost=lost: lost.set())
                    await connection.add_listener(self.channel, self._heard)
                    if not ready.done():
                        ready.set_result(None)
                    pause = FIRST_PAUSE
                    await lost.wait()
                finally:
                    connection.terminate()
            except LOST as exc:
                if not ready.done():
                    ready.set_exception(self.adapter.map_error(exc))
                    return
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    def _heard(self, _connection: Any, _pid: int, _channel: str, payload: str) -> None:
        try:
            answer = self.callback(payload)
        except Exception as exc:  # noqa: BLE001 - a subscriber's failure is its own
            self._report(exc)
            return
        if asyncio.iscoroutine(answer):
            self.adapter.leases().spawn(self._awaited(answer))

    async def _awaited(self, answer: Awaitable[None]) -> None:
        try:
            await answer
        except Exception as exc:  # noqa: BLE001 - as above
            self._report(exc)

    def _report(self, exc: Exception) -> None:
        logger.error("%r failed on a notification of %r: %s", self.callback, self.channel, exc, exc_info=exc)
