"""Handlers as routes call them: functions, sync or async, and classes with a method for each verb."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final

from covet.exceptions import ImproperlyConfigured
from covet.http.response import HttpResponseNotAllowed, Response

VERBS: Final = ("get", "post", "put", "patch", "delete", "head", "options", "trace")

Handler = Callable[..., Any]


def as_handler(handler: Any, path: str) -> Handler:
    """The callable that answers a request: `handler` itself, or one that makes an instance of a class for each request.

    A class with `as_view()` decides for itself; any other needs a method for each verb it answers.

    Raises:
        ImproperlyConfigured: it is no handler.
    """
    if isinstance(handler, type):
        as_view = getattr(handler, "as_view", None)
        return as_view() if as_view is not None else class_handler(handler, path)
    if not callable(handler):
        raise ImproperlyConfigured(
            f"The handler of {path!r} is {handler!r}; expected an async function, a class with methods such as "
            f"`async def get(self, request)`, or a dotted path."
        )
    return handler  # type: ignore[no-any-return]


def class_verbs(view: type[Any]) -> list[str]:
    """The verbs that a class answers, upper case."""
    return [verb.upper() for verb in VERBS if callable(getattr(view, verb, None))]


def class_handler(view: type[Any], path: str) -> Handler:
    """A handler that calls a new instance's method for the request's verb.

    Raises:
        ImproperlyConfigured: the class has no such method.
    """
    verbs = class_verbs(view)
    if not verbs:
        raise ImproperlyConfigured(
            f"The class {view.__qualname__} answers no verb at {path!r}; give it methods such as "
            f"`async def get(self, request)`; the verbs are: {', '.join(VERBS)}"
        )
    allowed = sorted({*verbs, "OPTIONS", *(("HEAD",) if "GET" in verbs else ())})

    async def handler(request: Any, **params: Any) -> Any:
        method = getattr(view, request.method.lower(), None) if request.method in allowed else None
        if method is None and request.method == "HEAD":
            method = getattr(view, "get", None)
        if method is None:
            return (
                Response(headers={"Allow": ", ".join(allowed)})
                if request.method == "OPTIONS"
                else (HttpResponseNotAllowed(allowed))
            )
        instance = view()
        instance.request = request
        instance.kwargs = params
        result = method(instance, request, **params)
        return await result if inspect.isawaitable(result) else result

    handler.__name__ = view.__name__
    handler.__qualname__ = view.__qualname__
    handler.__module__ = view.__module__
    handler.__doc__ = view.__doc__
    handler.view_class = view  # type: ignore[attr-defined]
    return handler
