"""The onion: a MIDDLEWARE list around an endpoint, as nested request-to-response coroutines of about 0.5 us each.

Pure ASGI classes at the outer end wrap the whole application; further in, they run through `covet.http.asgi`. An
exception of a layer becomes a response at once, so that the layers around it see a response, as in Django.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from covet.exceptions import ImproperlyConfigured, MiddlewareNotUsed
from covet.http.asgi import respond
from covet.http.convert import to_response
from covet.http.request import Request
from covet.middleware.base import BaseMiddleware
from covet.middleware.loading import HOOKS, Specification
from covet.portal import wait

Layer = Callable[[Request], Awaitable[Any]]
Convert = Callable[[Request, Exception], Awaitable[Any]]


class Onion:
    """The layers around an endpoint.

    Args:
        specifications: the list, outermost first.
        endpoint: answers requests and converts its own exceptions.
        convert: makes a response of a layer's exception, or raises what cannot be answered.

    Attributes:
        handle: the outermost layer.
        exception_hooks: `process_exception` of the layers, innermost first; the endpoint calls them.
        view_hooks: `process_view` of the layers, outermost first.
        wrappers: ASGI classes to put around the application, innermost first.
    """

    def __init__(self, specifications: Sequence[Specification], endpoint: Layer, convert: Convert) -> None:
        self.exception_hooks: list[Callable[..., Any]] = []
        self.view_hooks: list[Callable[..., Any]] = []
        self._convert = convert
        outer = 0
        while outer < len(specifications) and specifications[outer].kind == "asgi":
            outer += 1
        self.wrappers = list(reversed(specifications[:outer]))
        self.handle = endpoint
        for specification in reversed(specifications[outer:]):
            self.handle = self._wrap(specification, self.handle)

    def wrap_application(self, application: ASGIApp) -> ASGIApp:
        """The application inside the outermost ASGI classes."""
        for specification in self.wrappers:
            application = _make(specification, application)
        return application

    def _wrap(self, specification: Specification, inner: Layer) -> Layer:
        try:
            if specification.kind == "asgi":
                return _asgi_layer(specification, inner, self._convert)
            if specification.kind == "callable":
                return self._callable_layer(specification, inner)
            return self._hooks_layer(specification, inner)
        except MiddlewareNotUsed:
            return inner

    def _collect(self, instance: Any) -> None:
        if hook := _hook(instance, "process_exception"):
            self.exception_hooks.append(hook)
        if hook := _hook(instance, "process_view"):
            self.view_hooks.insert(0, hook)

    def _callable_layer(self, specification: Specification, inner: Layer) -> Layer:
        factory = specification.factory
        instance = _make(specification, inner if _wants_async(factory) else _sync(inner))
        if not isinstance(factory, type) and inspect.iscoroutinefunction(instance):
            instance = _make(specification, inner)
        self._collect(instance)
        convert = self._convert

        async def layer(request: Request) -> Any:
            try:
                response = instance(request)
                if isinstance(response, Awaitable):
                    response = await response
                return response if hasattr(response, "raw_headers") else await to_response(response, instance)
            except Exception as error:  # noqa: BLE001 - every exception becomes a response
                return await convert(request, error)

        return layer

    def _hooks_layer(self, specification: Specification, inner: Layer) -> Layer:
        instance = _make(specification, inner)
        self._collect(instance)
        before = _awaited(_hook(instance, "process_request"))
        after = _awaited(_hook(instance, "process_response"))
        if before is None and after is None:
            return inner
        return _between(inner, before, after, self._convert, specification.label)


def _between(inner: Layer, before: Any, after: Any, convert: Convert, label: str) -> Layer:
    """The layer of a class with hooks; one function for each combination, so that none costs more than it must."""

    async def both(request: Request) -> Any:
        try:
            response = await before(request)
            if response is None:
                response = await inner(request)
            elif not hasattr(response, "raw_headers"):
                response = await to_response(response, before)
            return _returned(await after(request, response), label)
        except Exception as error:  # noqa: BLE001 - every exception becomes a response
            return await convert(request, error)

    async def only_before(request: Request) -> Any:
        try:
            response = await before(request)
            if response is not None:
                return response if hasattr(response, "raw_headers") else await to_response(response, before)
        except Exception as error:  # noqa: BLE001 - every exception becomes a response
            return await convert(request, error)
        return await inner(request)

    async def only_after(request: Request) -> Any:
        response = await inner(request)
        try:
            return _returned(await after(request, response), label)
        except Exception as error:  # noqa: BLE001 - every exception becomes a response
            return await convert(request, error)

    if before is not None and after is not None:
        return both
    return only_before if before is not None else only_after


def _returned(response: Any, label: str) -> Any:
    if response is None:
        raise ImproperlyConfigured(f"{label}.process_response returned None; it must return a response.")
    return response


def _asgi_layer(specification: Specification, inner: Layer, convert: Convert) -> Layer:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        request: Request = scope["covet.request"]
        if scope is not request.scope:
            request.scope = scope
        request._receive = receive  # noqa: SLF001 - the layer may have wrapped it
        response = await inner(request)
        await response(scope, receive, send)

    instance = _make(specification, application)

    async def layer(request: Request) -> Any:
        scope = request.scope
        scope["covet.request"] = request
        try:
            return await respond(instance, scope, request.receive)
        except Exception as error:  # noqa: BLE001 - every exception becomes a response
            return await convert(request, error)

    return layer


def _make(specification: Specification, following: Any) -> Any:
    """An instance of a class, or a factory's product; a constructor without parameters is respected."""
    factory = specification.factory
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return factory(following, **specification.options)
    takes = [p for p in parameters if p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL}]
    wanted = takes and takes[0].name not in specification.options
    try:
        return factory(following, **specification.options) if wanted else factory(**specification.options)
    except TypeError as error:
        raise ImproperlyConfigured(f"MIDDLEWARE: {specification.label} cannot be created: {error}") from error


def _hook(instance: Any, name: str) -> Any:
    """A hook that the class defines itself; `BaseMiddleware`'s own do nothing and are left out."""
    assert name in HOOKS
    inherited = getattr(BaseMiddleware, name, None)
    if inherited is not None and getattr(type(instance), name, None) is inherited:
        return None
    return getattr(instance, name, None)


def _awaited(hook: Any) -> Any:
    """`hook` as a coroutine function."""
    if hook is None or inspect.iscoroutinefunction(hook):
        return hook

    async def calling(*args: Any) -> Any:
        result = hook(*args)
        return await result if inspect.isawaitable(result) else result

    return calling


def _wants_async(factory: Any) -> bool:
    """Whether a Django-style class awaits `get_response`; sync ones get one that waits in the portal."""
    if getattr(factory, "async_capable", None) is not None:
        return bool(factory.async_capable)
    if isinstance(factory, type):
        return inspect.iscoroutinefunction(factory.__call__)
    return True


def _sync(inner: Layer) -> Callable[[Request], Any]:
    def get_response(request: Request) -> Any:
        return wait(inner(request))

    return get_response
