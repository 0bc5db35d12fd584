"""The Covet application: ASGI 3 outside; middleware onion, router, portal and handler inside."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final

from greenlet import getcurrent
from starlette.responses import Response as StarletteResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from covet.app import failures, health
from covet.app.answers import Refusal, answer
from covet.app.failures import Failure
from covet.app.lifespan import Lifespan, participant_of
from covet.app.sockets import serve_websocket
from covet.conf import settings
from covet.conf.logs import configure_logging
from covet.database.orm.signals import got_request_exception, request_finished, request_started
from covet.database.transaction.manager import transaction
from covet.database.transaction.requests import atomic_aliases, wrapped_aliases
from covet.exceptions import DisallowedHost, ImproperlyConfigured, Resolver404
from covet.http.asgi import respond
from covet.http.context import request_var
from covet.http.convert import to_response
from covet.http.request import BODILESS, Request
from covet.http.response import JSONResponse, Response
from covet.http.urls import install_resolver
from covet.middleware.loading import load
from covet.middleware.onion import Onion
from covet.portal import portal
from covet.portal.greenlets import Worker, enter
from covet.routing.router import Route, Router, import_router
from covet.routing.table import Match
from covet.utils.http import escape_leading_slashes

logger = logging.getLogger("covet.app")

CROWD: Final = 4096
"""Hosts that are remembered as allowed, so that checking one again costs a lookup."""

ExceptionHandler = Callable[[Request, Exception], Any]


class Covet:
    """An ASGI application.

    Args:
        router: a Router or the dotted path of one; the setting ROOT_ROUTER (or ROOT_URLCONF) without it.
        middleware: instead of the setting MIDDLEWARE.
        debug: instead of the setting DEBUG.
        lifespan: a function of the application that makes an async context manager, as in Starlette.
        exception_handlers: what answers an exception class or a status: `handler(request, exception)`.

    Example:
        app = Covet()

        @app.get("/hello/{name}/")
        async def hello(request, name):
            return {"hello": name}
    """

    def __init__(
        self,
        router: Router | str | None = None,
        *,
        middleware: Sequence[Any] | None = None,
        debug: bool | None = None,
        lifespan: Any = None,
        exception_handlers: Mapping[Any, ExceptionHandler] | None = None,
    ) -> None:
        self._router = router
        if isinstance(router, Router):
            install_resolver(router)
        self._middleware = middleware
        self._debug = debug
        self._exception_handlers: dict[Any, ExceptionHandler] = dict(exception_handlers or {})
        self._stack: ASGIApp | None = None
        self._onion: Onion | None = None
        self._view_hooks: list[Callable[..., Any]] = []
        self._atomic: list[str] = []
        self._script_name = ""
        self._known_hosts: set[bytes] = set()
        self.lifespan = Lifespan(self)
        if lifespan is not None:
            self.lifespan.add(participant_of(lifespan))
        self.state: dict[str, Any] = {}
        settings.subscribe(_weakly(self._setting_changed))

    # Declaring

    @property
    def router(self) -> Router:
        """The root router."""
        if not isinstance(self._router, Router):
            self._router = _root_router(self._router)
            install_resolver(self._router)
        return self._router

    @property
    def debug(self) -> bool:
        """Whether error pages show details."""
        return settings.DEBUG if self._debug is None else self._debug

    @property
    def routes(self) -> list[Route]:
        """Every route."""
        return self.router.routes

    def __getattr__(self, name: str) -> Any:
        if name in _ROUTER_METHODS:
            return getattr(self.router, name)
        raise AttributeError(f"'Covet' object has no attribute {name!r}")

    def on_startup(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Call `function()` when the application has started; a decorator."""
        return self.lifespan.on_startup(function)

    def on_shutdown(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Call `function()` when the application stops; a decorator."""
        return self.lifespan.on_shutdown(function)

    def add_middleware(self, middleware: Any, **options: Any) -> None:
        """Put a layer outside those there are; before the first request."""
        if self._stack is not None:
            raise ImproperlyConfigured("The application has started: add middleware before the first request.")
        present = settings.MIDDLEWARE if self._middleware is None else self._middleware
        self._middleware = [(middleware, options), *present]

    def exception_handler(self, kind: Any) -> Callable[[ExceptionHandler], ExceptionHandler]:
        """Answer an exception class or a status: `@app.exception_handler(404)`."""

        def register(handler: ExceptionHandler) -> ExceptionHandler:
            self._exception_handlers[kind] = handler
            return handler

        return register

    # ASGI

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "lifespan":
            await self._run_lifespan(scope, receive, send)
            return
        if kind == "http" and scope["path"].startswith(settings.HEALTH_PREFIX) and await health.answer(scope, send):
            return
        scope["app"] = self
        await (self._stack or self.prepare())(scope, receive, send)

    def prepare(self) -> ASGIApp:
        """Build the onion; the first request or the start does it. Mistakes in the settings show here.

        Raises:
            ImproperlyConfigured: the middleware or the root router is wrong.
        """
        configure_logging()
        install_resolver(self.router)
        middleware = settings.MIDDLEWARE if self._middleware is None else self._middleware
        self._onion = Onion(load(middleware), self._endpoint, self._convert)
        self._view_hooks = self._onion.view_hooks
        self._atomic = atomic_aliases()
        self._script_name = (settings.FORCE_SCRIPT_NAME or "").rstrip("/")
        self._stack = self._onion.wrap_application(self._dispatch)
        return self._stack

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            # One frame less than `portal` for the event loop to go through at each step.
            serving = self._serve(scope, receive, send)
            await (serving if type(getcurrent()) is Worker else enter(serving))
        else:
            await portal(serve_websocket(self.router, scope, receive, send))

    async def _run_lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        try:
            if not scope.get("covet.testing"):
                settings.check_serving()
            self.prepare()
            await self.lifespan.open(serving=not scope.get("covet.testing"))
        except Exception as error:
            logger.exception("The application could not start")
            await send({"type": "lifespan.startup.failed", "message": f"{type(error).__name__}: {error}"})
            if scope.get("covet.testing"):
                raise
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        try:
            await self.lifespan.close()
        except Exception as error:
            logger.exception("The application could not stop in order")
            await send({"type": "lifespan.shutdown.failed", "message": f"{type(error).__name__}: {error}"})
            return
        await send({"type": "lifespan.shutdown.complete"})

    # HTTP

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        scope["covet.resolver"] = self._router
        scope["covet.root_path"] = self._script_name or scope.get("root_path", "")
        token = request_var.set(request)
        if request_started.receivers:
            await request_started.send(type(self), scope=scope)
        try:
            host = None
            for name, value in scope["headers"]:
                if name == b"host":
                    # A second one is for the careful way to refuse.
                    host = value if host is None else b""
            if host in self._known_hosts:
                response = await self._onion.handle(request)  # type: ignore[union-attr]
            else:
                response = await self._handle(request, host)
            if getattr(response, "streaming", True):
                await self._send_stream(response, request, scope, receive, send)
            else:
                await response(scope, receive, send)
        except Exception as error:
            if not failures.is_disconnect(error):
                raise
            logger.info("The client left: %s %s", request.method, ascii(request.path))
        finally:
            request_var.reset(token)
            if request._form is not None:  # noqa: SLF001 - spooled files are closed with the request
                await request.close()
            if request_finished.receivers:
                await request_finished.send(type(self))

    async def _handle(self, request: Request, host: bytes | None) -> Any:
        """Answer a request whose host was not seen before."""
        assert self._onion is not None
        try:
            request.get_host()
        except DisallowedHost as error:
            return await self._convert(request, error)
        if host and len(self._known_hosts) < CROWD and self._may_remember(request):
            self._known_hosts.add(host)
        return await self._onion.handle(request)

    @staticmethod
    def _may_remember(request: Request) -> bool:
        """Whether the Host header alone decided, by the settings alone."""
        return not settings.USE_X_FORWARDED_HOST and "covet.allowed_hosts" not in request.scope

    async def _send_stream(self, response: Any, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        """Send a response whose body is still being made; what fails before its start is still answered."""
        started = False

        async def noting(message: Any) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await response(scope, receive, noting)
        except Exception as error:
            if failures.is_disconnect(error):
                raise
            if started:
                await self._report(request, error)
                logger.exception("%s %s failed while its body was sent", request.method, ascii(request.path))
                raise
            answer = await self._convert(request, error)
            await answer(scope, receive, send)

    async def _endpoint(self, request: Request) -> Any:
        """The innermost layer: route, read the body, call the handler, make a response."""
        try:
            scope = request.scope
            path: str = scope["path"]
            root: str = scope.get("root_path", "")
            if root and path.startswith(root):
                path = path[len(root) :] or "/"
            router: Any = self._router
            found: Match[Route] | None = router.match(path, scope["method"])
            if found is None or found.route is None:
                return await self._unmatched(request, path, found)
            route = found.route
            if route.kind == "mount":
                return await self._mounted(request, route, found)
            params = found.params
            scope["path_params"] = params
            request.matched = (route, params)
            if scope["method"] not in BODILESS and request.is_json:
                await request.load_json()
            if self._view_hooks:
                early = await self._asked(self._view_hooks, request, route.endpoint, (), params)
                if early is not None:
                    return early
            if self._atomic:
                result = await self._in_transactions(route, request, params)
            elif route.is_async:
                result = await route.endpoint(request, **params)
            else:
                result = route.endpoint(request, **params)
            kind = type(result)
            if kind is dict or kind is list:
                return JSONResponse(result)
            return result if isinstance(result, StarletteResponse) else await to_response(result, route.endpoint)
        except Exception as error:
            if failures.is_disconnect(error):
                raise
            assert self._onion is not None
            early = await self._asked(self._onion.exception_hooks, request, error)
            return await self._convert(request, error) if early is None else early

    async def _in_transactions(self, route: Route, request: Request, params: dict[str, Any]) -> Any:
        """Call the handler inside a transaction of every database with ATOMIC_REQUESTS."""
        async with AsyncExitStack() as stack:
            for alias in wrapped_aliases(route.handler, self._atomic):
                await stack.enter_async_context(transaction(alias))
            return await _settled(route.endpoint(request, **params))

    @staticmethod
    async def _asked(hooks: Sequence[Callable[..., Any]], *arguments: Any) -> Any:
        """The first hook's answer that is one."""
        for hook in hooks:
            answer = await _settled(hook(*arguments))
            if answer is not None:
                return await to_response(answer, hook)
        return None

    async def _mounted(self, request: Request, route: Route, found: Match[Route]) -> Any:
        scope = request.scope
        rest = str(found.params.get("path", ""))
        prefix = scope["path"][: len(scope["path"]) - len(rest)] if rest else scope["path"]
        below = {**scope, "root_path": prefix, "path_params": {}}
        below.pop("covet.request", None)
        handle = getattr(route.endpoint, "respond", None)
        if handle is not None:
            return await handle(Request(below, request.receive), rest)
        return await respond(route.endpoint, below, request.receive)

    async def _unmatched(self, request: Request, path: str, found: Match[Route] | None) -> Any:
        """404, 405, the answer to OPTIONS, or the redirect to the path with its slash."""
        if found is not None:
            allow = ", ".join(sorted(found.allowed))
            if request.method == "OPTIONS":
                return Response(b"", 200, {"Allow": allow}, content_type="text/plain")
            response = await self._answer(Refusal(405, "Method Not Allowed"), request)
            response.raw_headers.append((b"allow", allow.encode("latin-1")))
            failures.logger.warning("Method Not Allowed (%s): %s", request.method, ascii(path)[1:-1])
            return response
        if settings.APPEND_SLASH and not path.endswith("/"):
            slashed = self.router.match(path + "/", request.method)
            if slashed is not None and (slashed.route is None or slashed.route.kind != "mount"):
                target = escape_leading_slashes(request.get_full_path(force_append_slash=True))
                # 308 keeps method and body; 301 turns a POST into a GET.
                status = 301 if request.method in {"GET", "HEAD"} else 308
                return Response(b"", status, {"Location": target})
        raise Resolver404({"path": path})

    # Errors

    async def _convert(self, request: Request, error: Exception) -> Any:
        """The response for an exception.

        Raises:
            Exception: the client left, or DEBUG_PROPAGATE_EXCEPTIONS is on.
        """
        if failures.is_disconnect(error):
            raise error
        failure = Failure(error, request)
        if failure.status == failures.SERVER_ERROR:
            if settings.DEBUG_PROPAGATE_EXCEPTIONS:
                raise error
            await self._report(request, error)
        failures.log(failure, request)
        handler = self._handler_for(error, failure.status)
        if handler is not None:
            try:
                return await to_response(await _settled(handler(request, error)), handler)
            except Exception as second:  # noqa: BLE001 - a broken handler falls back on the built-in page
                failure = Failure(second, request)
                failures.log(failure, request)
                await self._report(request, second)
        return await self._answer(failure, request)

    def _handler_for(self, error: Exception, status: int) -> ExceptionHandler | None:
        handlers = self._exception_handlers
        if not handlers:
            return None
        for kind in type(error).__mro__:
            if kind in handlers:
                return handlers[kind]
        return handlers.get(status)

    async def _report(self, request: Request, error: Exception) -> None:
        """Tell a test client and the signal's receivers about an exception that was answered with 500."""
        seen = request.scope.get("covet.errors")
        if seen is not None:
            seen.append(error)
        if got_request_exception.receivers:
            await got_request_exception.send_robust(None, request=request)

    async def _answer(self, failure: Any, request: Request) -> Response:
        return await answer(failure, request, debug=self.debug, routes=self.routes if self.debug else ())

    def _setting_changed(self, name: str) -> None:
        if name in {"ALLOWED_HOSTS", "DEBUG", "USE_X_FORWARDED_HOST"}:
            self._known_hosts.clear()
        elif name == "MIDDLEWARE" and self._middleware is None:
            self._stack = None


_ROUTER_METHODS: Final = frozenset(
    {
        "add_route",
        "delete",
        "get",
        "head",
        "include",
        "include_router",
        "mount",
        "options",
        "patch",
        "post",
        "put",
        "route",
        "url_path_for",
        "websocket",
    }
)


def _weakly(method: Callable[[str], None]) -> Callable[[str], None]:
    """A subscriber that does not keep its application alive."""
    reference = weakref.WeakMethod(method)

    def call(name: str) -> None:
        target = reference()
        if target is not None:
            target(name)

    return call


def _root_router(given: Any) -> Router:
    source = given if given is not None else settings.ROOT_ROUTER or settings.ROOT_URLCONF
    if source is None:
        return Router()
    if isinstance(source, str):
        return import_router(source)
    if isinstance(source, Router):
        return source
    raise ImproperlyConfigured(f"ROOT_ROUTER must be a Router or the dotted path of one; got {source!r}")


async def _settled(result: Any) -> Any:
    return await result if isinstance(result, Awaitable) and not isinstance(result, StarletteResponse) else result
