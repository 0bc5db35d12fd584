"""Where async tests and fixtures run: one event loop a session, one task a test, everything inside a portal.

The plugin makes a `Stage` for the session and one for each test. A stage's jobs run one after the other in its task, so
that a fixture's `async with` may end where it began, and the test sees the context variables that its fixtures set.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine
from typing import Any

from covet.conf import settings
from covet.database.connections.registry import connections
from covet.database.transaction.manager import Block, transaction
from covet.portal import install, portal
from covet.portal.runner import close_all, new_event_loop
from covet.testing.client import open_clients

Job = tuple[Coroutine[Any, Any, Any], asyncio.Future[Any], bool]


class Theatre:
    """The session's event loop; opened by the first async test or fixture, closed at the end."""

    def __init__(self) -> None:
        self._runner: asyncio.Runner | None = None
        self._session: Stage | None = None

    @property
    def is_open(self) -> bool:
        """Whether anything async has run."""
        return self._runner is not None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop."""
        if self._runner is None:
            self._runner = asyncio.Runner(loop_factory=new_event_loop)
            install(self._runner.get_loop())
        return self._runner.get_loop()

    @property
    def session(self) -> Stage:
        """The stage of fixtures that outlive a test."""
        if self._session is None:
            self._session = Stage(self.loop, contextvars.copy_context())
        return self._session

    def stage(self) -> Stage:
        """A stage for one test; it sees what the session's fixtures set."""
        return Stage(self.loop, self.session.context.copy())

    def close(self) -> None:
        """Close what the session opened: clients, databases, the loop."""
        if self._runner is None:
            return
        self.session.run(_close_clients(), in_portal=False)
        self.session.run(close_all(), in_portal=False)
        self.session.close()
        self._runner.close()
        self._runner = self._session = None


class Stage:
    """One task that runs jobs."""

    def __init__(self, loop: asyncio.AbstractEventLoop, context: contextvars.Context) -> None:
        self.context = context
        self._loop = loop
        self._jobs: asyncio.Queue[Job | None] = asyncio.Queue()
        self._task = loop.create_task(self._work(), context=context)
        self._blocks: list[Block] = []

    async def _work(self) -> None:
        while (job := await self._jobs.get()) is not None:
            coroutine, future, in_portal = job
            try:
                result = await (portal(coroutine) if in_portal else coroutine)
            except BaseException as error:  # noqa: BLE001 - every outcome belongs to the test
                if not future.done():
                    future.set_exception(_storable(error))
            else:
                if not future.done():
                    future.set_result(result)
            del job, coroutine, future

    def run(self, coroutine: Coroutine[Any, Any, Any], *, in_portal: bool = True) -> Any:
        """Run a coroutine in this stage's task and return its result."""
        __tracebackhide__ = True
        future: asyncio.Future[Any] = self._loop.create_future()
        self._jobs.put_nowait((coroutine, future, in_portal))
        return self._loop.run_until_complete(future)

    def begin(self) -> None:
        """Open a transaction on every configured database; none is contacted before a query."""
        self.run(self._begin(), in_portal=False)

    async def _begin(self) -> None:
        for alias in list(connections) if _has_databases() else ():
            self._blocks.append(await transaction(alias, is_test=True).__aenter__())

    def roll_back(self) -> None:
        """Undo the test's database work."""
        if self._blocks:
            self.run(self._roll_back(), in_portal=False)

    async def _roll_back(self) -> None:
        blocks, self._blocks = self._blocks, []
        for block in reversed(blocks):
            try:
                if block.is_open:
                    await block.rollback()
            finally:
                block.adapter.pin.set(None)

    def close(self) -> None:
        """End the task."""
        self._jobs.put_nowait(None)
        self._loop.run_until_complete(self._task)

    def finish(self) -> None:
        """End a test's stage: its applications are stopped, its database work undone."""
        try:
            self.run(_close_clients(), in_portal=False)
        finally:
            try:
                self.roll_back()
            finally:
                self.close()


async def _close_clients() -> None:
    for client in list(open_clients):
        await client.aclose()


def _has_databases() -> bool:
    return bool(settings.is_configured or connections.databases)


def _storable(error: BaseException) -> BaseException:
    """A future refuses StopIteration."""
    if isinstance(error, StopIteration):
        wrapped = RuntimeError("the coroutine raised StopIteration")
        wrapped.__cause__ = error
        return wrapped
    return error
