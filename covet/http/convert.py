"""From what a handler returns to a response: responses, models, dicts, lists, strings, pydantic models, tuples."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Awaitable, Mapping
from typing import Any

from starlette.responses import Response as StarletteResponse

from covet.http.response import HTMLResponse, JSONResponse, Response

# A handler's `return data, 201` or `return data, 201, {"X-Kind": "book"}`.
PAIR, TRIPLE = 2, 3
PLAIN = frozenset({dict, list, str})
EXPECTED = "a Response, a model, a dict, a list, a str, bytes, a pydantic model, a dataclass or (data, status)"


async def to_response(result: Any, handler: Any) -> StarletteResponse:
    """The response that `result` stands for; awaitables (queries, models) are awaited first.

    Raises:
        TypeError: it stands for none; the message names the handler and the choices.
    """
    kind = type(result)
    if kind is dict or kind is list:
        return JSONResponse(result)
    if kind is str:
        return HTMLResponse(result)
    if isinstance(result, StarletteResponse):
        return result
    if isinstance(result, Awaitable):
        result = await result
        if type(result) in PLAIN:
            return await to_response(result, handler)
    return await _uncommon(result, handler)


async def _uncommon(result: Any, handler: Any) -> StarletteResponse:
    if isinstance(result, StarletteResponse):
        return result
    if isinstance(result, tuple) and len(result) in {PAIR, TRIPLE} and type(result[1]) is int:
        return await _from_tuple(result, handler)
    if isinstance(result, str):
        return HTMLResponse(str(result))
    if isinstance(result, bytes):
        return Response(result, media_type="application/octet-stream")
    if _has_json_form(result):
        return JSONResponse(result)
    name = describe(handler)
    if result is None:
        raise TypeError(f"{name} didn't return an HttpResponse object. It returned None instead; expected {EXPECTED}.")
    if callable(result) and len(_parameters(result)) == 3:
        return _Application(result)
    raise TypeError(f"{name} returned {result!r} ({type(result).__name__}); expected {EXPECTED}.")


def _has_json_form(value: Any) -> bool:
    return (
        isinstance(value, (Mapping, list, tuple, set, frozenset))
        or any(hasattr(value, name) for name in ("_meta", "model_dump", "__json__", "_fetch_all"))
        or (dataclasses.is_dataclass(value) and not isinstance(value, type))
    )


async def _from_tuple(result: Any, handler: Any) -> StarletteResponse:
    body, status, *rest = result
    response = Response(b"") if body is None else await to_response(body, handler)
    response.status_code = status
    if body is None:
        del response.headers["content-type"]
    for key, value in (rest[0] if rest else {}).items():
        response.headers[key] = value
    return response


def _parameters(function: Any) -> tuple[str, ...]:
    try:
        return tuple(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return ()


class _Application(Response):
    """An ASGI application that a handler returned; it sends its own status and headers."""

    streaming = True

    def __init__(self, application: Any) -> None:
        super().__init__()
        self.application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.application(scope, receive, send)


def describe(handler: Any) -> str:
    """`The view app.views.post_list`, for messages."""
    target = getattr(handler, "view_class", handler)
    target = inspect.unwrap(target) if callable(target) else target
    name = getattr(target, "__qualname__", type(target).__qualname__)
    return f"The view {getattr(target, '__module__', '?')}.{name}"
