"""Opening and closing what the application needs: participants register here, each an async context manager.

Database, cache and tasks take part; a project adds its own with `app.lifespan.add(...)` or `@app.on_startup`.
"""

from __future__ import annotations

import gc
import inspect
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from covet.portal import install, portal
from covet.portal.runner import close_all

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

logger = logging.getLogger("covet.app")

COLLECTOR: Final = (10_000, 20, 50)
"""The collector's thresholds in a server: a page of rows is some hundred objects that counting frees, and with the
interpreter's own thresholds a tenth of a request went into looking for cycles among them."""
_AS_STARTED: Final = gc.get_threshold()

Participant = Callable[[Any], AbstractAsyncContextManager[Any]]

_house: dict[str, Participant] = {}


def register(name: str, participant: Participant) -> None:
    """Let a floor of the house take part in every application's life; a second call with a name replaces it."""
    _house[name] = participant


class Lifespan:
    """What one application opens when it starts and closes when it stops, in reverse.

    Args:
        application: handed to every participant.
    """

    def __init__(self, application: Any) -> None:
        self._application = application
        self._participants: list[Participant] = []
        self._stack: AsyncExitStack | None = None
        self._starters: list[Callable[..., Any]] = []
        self._stoppers: list[Callable[..., Any]] = []
        self.serving = False

    @property
    def is_open(self) -> bool:
        """Whether the application was started and not stopped."""
        return self._stack is not None

    def add(self, participant: Participant) -> Participant:
        """A participant of this application: called with it, returns an async context manager."""
        self._participants.append(participant)
        return participant

    def on_startup(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Call `function()` (async or not) after everything opened."""
        self._starters.append(function)
        return function

    def on_shutdown(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Call `function()` (async or not) before anything closes."""
        self._stoppers.append(function)
        return function

    async def open(self, *, serving: bool = True) -> None:
        """Open everything; if one participant fails, those before it are closed again.

        Args:
            serving: this process lives for the application: its databases close with it, and what was imported so
                far moves out of the garbage collector's sight. Tests, which share databases, say False.
        """
        if self._stack is not None:
            return
        self.serving = serving
        install()
        async with AsyncExitStack() as stack:
            if serving:
                stack.push_async_callback(close_all)
            for participant in (*_house.values(), *self._participants):
                await stack.enter_async_context(participant(self._application))
            for starter in self._starters:
                await portal(_called(starter))
            self._stack = stack.pop_all()
        if serving:
            gc.collect()
            gc.freeze()
            if gc.get_threshold() == _AS_STARTED:
                gc.set_threshold(*COLLECTOR)

    async def close(self) -> None:
        """Close everything, the last opened first; a failure does not keep the others open."""
        stack, self._stack = self._stack, None
        if stack is None:
            return
        for stopper in reversed(self._stoppers):
            try:
                await portal(_called(stopper))
            except Exception:
                logger.exception("%r failed at shutdown", stopper)
        await stack.aclose()


async def _called(function: Callable[..., Any]) -> None:
    result = function()
    if inspect.isawaitable(result):
        await result


def participant_of(lifespan: Any) -> Participant:
    """A participant from Starlette's `lifespan=` argument: a function that makes an async context manager."""
    if inspect.isasyncgenfunction(lifespan):
        lifespan = asynccontextmanager(lifespan)

    @asynccontextmanager
    async def participant(application: Any) -> AsyncIterator[None]:
        async with lifespan(application) as state:
            if state:
                application.state.update(state)
            yield

    return participant
