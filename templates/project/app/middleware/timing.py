"""How long a request took, told to whoever asked."""

import time

from covet.http import Request, Response
from covet.middleware import BaseMiddleware


class TimingMiddleware(BaseMiddleware):
    """Adds the header X-Request-Duration, in seconds."""

    async def process_request(self, request: Request) -> None:
        request.state.start_time = time.perf_counter()

    async def process_response(self, request: Request, response: Response) -> Response:
        response.headers["X-Request-Duration"] = f"{time.perf_counter() - request.state.start_time:.6f}"
        return response
