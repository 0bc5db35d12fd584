"""`BaseMiddleware`: what projects derive their middleware from; `onion` turns it into a layer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from covet.http.request import Request

GetResponse = Callable[[Request], Awaitable[Any]]


class BaseMiddleware:
    """A layer around the handlers; define the methods that you need, `async` or not.

    Args:
        get_response: the next layer; a subclass's own `__init__` need not take it.

    Example:
        class TimingMiddleware(BaseMiddleware):
            async def process_request(self, request):
                request.state.started = time.perf_counter()

            async def process_response(self, request, response):
                response.headers["X-Duration"] = str(time.perf_counter() - request.state.started)
                return response
    """

    def __init__(self, get_response: GetResponse | None = None) -> None:
        self.get_response = get_response

    async def process_request(self, request: Request) -> Any:
        """Called on the way in; what it returns (unless None) is the answer, and the handler does not run."""

    async def process_response(self, request: Request, response: Any) -> Any:
        """Called on the way out, if this layer's `process_request` ran; returns the response, changed or another."""
        return response

    async def process_exception(self, request: Request, exception: Exception) -> Any:
        """Called when the handler raised; what it returns (unless None) is the answer."""
