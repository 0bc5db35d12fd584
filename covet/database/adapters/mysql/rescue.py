"""The connection beside the pool over which statements of cancelled tasks are stopped.

MySQL hears of a cancellation on another connection only. One serves all of an event loop's, so that a storm
of cancellations opens no storm of sessions; it closes when nothing was stopped for a while.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import asyncmy

LINGER: Final = 5.0
"""Seconds that it stays open unused."""


class Rescue:
    """Stops statements and sessions of one server, from one event loop."""

    def __init__(self, connect: Callable[[], Awaitable[Any]]) -> None:
        self._connect = connect
        self._raw: Any = None
        self._turn = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None

    async def stop_query(self, thread: int) -> None:
        """End the statement that the session runs; the session stays."""
        await self._send(f"KILL QUERY {thread}")

    async def stop_session(self, thread: int) -> None:
        """End the session."""
        await self._send(f"KILL {thread}")

    async def _send(self, sql: str) -> None:
        async with self._turn:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            for last in (False, True):
                raw = self._raw or await self._connect()
                self._raw = None
                try:
                    async with raw.cursor() as cursor:
                        await cursor.execute(sql)
                except asyncmy.errors.Error as exc:
                    if raw.connected and exc.args and exc.args[0] in GONE:
                        self._keep(raw)
                        return
                    raw.close()
                    if last:
                        raise
                except BaseException:
                    raw.close()
                    raise
                else:
                    self._keep(raw)
                    return

    def _keep(self, raw: Any) -> None:
        self._raw = raw
        self._timer = asyncio.get_running_loop().call_later(LINGER, self.close)

    def close(self) -> None:
        """Close the connection; the next statement to stop opens another."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        raw, self._raw = self._raw, None
        if raw is not None:
            raw.close()


GONE: Final = frozenset({1094, 1317})
"""No such thread; and a kill that arrived late and met ourselves: what was to be stopped has ended."""
