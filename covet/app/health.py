"""Probes and shutdown: `/healthz/live`, `/healthz/ready`, and a SIGTERM that ends within its grace.

On the first SIGTERM or SIGINT readiness turns 503 at once, so that the load balancer looks elsewhere; after
SHUTDOWN_DELAY the server stops listening and lets requests finish; whatever still hangs when SHUTDOWN_GRACE is
over goes down with the process. Probes pass no middleware and check no host: they come by address.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from starlette.types import Scope, Send

from covet.app.lifespan import register
from covet.conf import settings
from covet.database.connections.health import check_pools
from covet.database.connections.registry import connections
from covet.database.migrations.project import from_settings
from covet.utils.health import register_check, run_checks

logger = logging.getLogger("covet.app")

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
MARGIN: Final = 1.0
"""Seconds after the grace in which an orderly exit may still happen before the process is ended."""


class Drain:
    """Whether this process is on its way out, and what makes sure that it gets there."""

    def __init__(self) -> None:
        self.active = False
        self._previous: dict[int, Any] = {}
        self._watchdog: threading.Timer | None = None

    def install(self, loop: asyncio.AbstractEventLoop, exit_now: Callable[[int], Any] = os._exit) -> None:
        """Put ourselves before the server's own signal handlers; in the main thread only."""
        if threading.current_thread() is not threading.main_thread():
            return

        def handle(number: int, frame: Any) -> None:
            if self.active:
                self._pass_on(number, frame)
                return
            self.active = True
            delay, grace = settings.SHUTDOWN_DELAY, settings.SHUTDOWN_GRACE
            self._watchdog = threading.Timer(delay + grace + MARGIN, self._give_up, (exit_now, number))
            self._watchdog.daemon = True
            self._watchdog.start()
            if delay:
                loop.call_soon_threadsafe(loop.call_later, delay, self._pass_on, number, frame)
            else:
                self._pass_on(number, frame)

        for number in SIGNALS:
            self._previous[number] = signal.signal(number, handle)

    def uninstall(self) -> None:
        """Give the signals back. A watchdog that runs goes on: the exit is not over yet."""
        if threading.current_thread() is threading.main_thread():
            for number, previous in self._previous.items():
                signal.signal(number, previous)
        self._previous.clear()

    def _pass_on(self, number: int, frame: Any) -> None:
        previous = self._previous.get(number)
        if callable(previous):
            previous(number, frame)
        elif previous is signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    @staticmethod
    def _give_up(exit_now: Callable[[int], Any], number: int) -> None:
        logger.error("Requests still ran when the grace of %g s was over; the process ends", settings.SHUTDOWN_GRACE)
        exit_now(128 + number)


drain = Drain()


class PendingMigrations(Exception):
    """The database's schema is behind the code."""


class _Migrations:
    """Pending migrations, asked until there is none: a process that was ready once needs no second look."""

    done = False

    async def __call__(self) -> None:
        if self.done:
            return
        project = from_settings(settings.base_dir)
        for alias in connections:
            if await project.runner(alias).plan():
                raise PendingMigrations(alias)
        self.done = True


async def answer(scope: Scope, send: Send) -> bool:
    """Answer a probe; False when the request is none."""
    prefix: str = settings.HEALTH_PREFIX
    path: str = scope["path"]
    if not prefix or not path.startswith(prefix):
        return False
    probe = path[len(prefix) :].rstrip("/")
    if probe == "/live":
        await _send(send, scope, 200, {"status": "ok"})
        return True
    if probe != "/ready":
        return False
    if drain.active:
        await _send(send, scope, 503, {"status": "draining"})
        return True
    checks = await run_checks()
    ready = all(outcome == "ok" for outcome in checks.values())
    await _send(send, scope, 200 if ready else 503, {"status": "ok" if ready else "unavailable", "checks": checks})
    return True


async def _send(send: Send, scope: Scope, status: int, body: dict[str, Any]) -> None:
    content = json.dumps(body).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else content})


@asynccontextmanager
async def _participant(application: Any) -> AsyncIterator[None]:
    if not application.lifespan.serving:
        yield
        return
    drain.install(asyncio.get_running_loop())
    try:
        await check_pools()
    except Exception as exc:  # noqa: BLE001 - a database that is down now may be up soon; readiness tells
        logger.warning("The databases could not be asked for their limits: %s", exc)
    try:
        yield
    finally:
        drain.uninstall()


register("health", _participant)
register_check("migrations", _Migrations())
