"""The router: declares routes as calls and decorators, includes other routers, and turns names into paths."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from covet.exceptions import ImproperlyConfigured, NoReverseMatch, Resolver404, choices
from covet.http.urls import ResolverMatch
from covet.routing.endpoints import Handler, as_handler, class_verbs
from covet.routing.patterns import Parameter, Pattern, parse
from covet.routing.table import Match, Table

H = TypeVar("H", bound=Callable[..., Any])

METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT", "QUERY"})


@dataclass(eq=False, slots=True)
class Route:
    """One route.

    Attributes:
        path: its pattern in braces.
        handler: what was registered; endpoint: the callable that answers.
        methods: its verbs; None for every one.
        kind: `http`, `websocket` or `mount`.
        is_async: whether the endpoint is a coroutine function.
    """

    path: str
    handler: Any
    endpoint: Handler
    methods: tuple[str, ...] | None
    name: str | None
    kind: str = "http"
    namespaces: tuple[str, ...] = ()
    is_async: bool = True

    def matched(self, params: Mapping[str, Any]) -> ResolverMatch:
        """Django's `request.resolver_match` for this route."""
        return ResolverMatch(self.endpoint, dict(params), self.name, self.namespaces, self.path)

    @property
    def full_name(self) -> str | None:
        """The name with its namespaces, as `reverse` takes it."""
        return ":".join((*self.namespaces, self.name)) if self.name else None

    def within(self, prefix: str, namespaces: tuple[str, ...]) -> Route:
        """This route, included under a prefix."""
        return Route(
            join(prefix, self.path) if self.kind != "mount" else join(prefix, self.path).rstrip("/"),
            self.handler,
            self.endpoint,
            self.methods,
            self.name,
            self.kind,
            (*namespaces, *self.namespaces),
            self.is_async,
        )


@dataclass(slots=True)
class _Include:
    prefix: str
    router: Router
    namespaces: tuple[str, ...]


# Any router may gain a route after it was included: every change anywhere makes compiled tables stale.
_changes: list[int] = [0]


def join(prefix: str, path: str) -> str:
    """A prefix and a path with one slash between them: `/api` + `users/`, `api/` + `/users/`."""
    if prefix and not prefix.startswith("/"):
        prefix = "/" + prefix
    if not prefix:
        return path if path.startswith("/") else "/" + path
    if not path:
        return prefix
    return f"{prefix.rstrip('/')}/{path.lstrip('/')}"


class Router:
    """Routes, in the order of their declaration: the first that matches answers.

    Args:
        prefix: stands before every path of this router.
        namespace: stands before every name: `reverse("blog:post", pk=1)`.
        name: another word for namespace.

    Example:
        router = Router()
        router.get("/posts/{pk:int}/", post_detail, name="post-detail")

        @router.post("/posts/")
        async def create(request): ...
    """

    def __init__(self, prefix: str = "", *, namespace: str | None = None, name: str | None = None) -> None:
        self.prefix = prefix
        self.namespace = namespace if namespace is not None else name
        self._declared: list[Route | _Include] = []
        self._compiled: _Compiled | None = None
        self._stamp = -1

    def __repr__(self) -> str:
        return f"<Router {self.prefix or '/'!r}: {len(self._declared)} declarations>"

    # Declaring

    def route(
        self, path: str, handler: Any = None, *, methods: Iterable[str] | None = None, name: str | None = None
    ) -> Any:
        """A route for any verbs: `router.route("/x", handler)` or `@router.route("/x", methods=["GET", "POST"])`.

        Args:
            path: the pattern; parameters look like `{name}` or `{name:type}`, types: `covet.routing.converters`.
            handler: an async or sync function, a class with verbs as methods, or the dotted path of one.
            methods: the verbs; every one without it (a class's own).
            name: for `reverse`.

        Returns:
            The handler; without one, a decorator.

        Raises:
            ImproperlyConfigured: the pattern, a verb or the handler is wrong.
        """
        if handler is None:
            return lambda decorated: self.route(path, decorated, methods=methods, name=name)
        self._add("http", path, handler, _verbs(methods, path), name)
        return handler

    add_route = route

    def get(self, path: str, handler: Any = None, *, name: str | None = None) -> Any:
        """A route for GET and HEAD."""
        return self.route(path, handler, methods=("GET",), name=name)

    def post(self, path: str, handler: Any = None, *, name: str | None = None) -> Any:
        """A route for POST."""
        return self.route(path, handler, methods=("POST",), name=name)

    def put(self, path: str, handler: Any = None, *, name: str | None = None) -> Any:
        """A route for PUT."""
        return self.route(path, handler, methods=("PUT",), name=name)

    def patch(self, path: str, handler: Any = None, *, name: str | None = None) -> Any:
        """A route for PATCH."""
        return self.route(path, handler, methods=("PATCH",), name=name)

    def delete(self, path: str, handler: Any = None, *, name: str | None = None) -> Any:
        """A route for DELETE."""
        return self.route(path, handler, methods=("DELETE",), name=name)

    def head(self, path: str, handler: Any = None, *, name: str | None = None) -> Any:
        """A route for HEAD alone; `get` answers HEAD too."""
        return self.route(path, handler, methods=("HEAD",), name=name)

    def options(self, path: str, handler: Any = None, *, name: str | None = None) -> Any:
        """A route for OPTIONS; without one, the Allow header is the answer."""
        return self.route(path, handler, methods=("OPTIONS",), name=name)

    def websocket(self, path: str, handler: Any = None, *, name: str | None = None) -> Any:
        """A route for WebSockets: `async def chat(websocket, room): ...`."""
        if handler is None:
            return lambda decorated: self.websocket(path, decorated, name=name)
        self._add("websocket", path, handler, None, name)
        return handler

    def include(
        self, prefix: Any, router: Any = None, *, namespace: str | None = None, name: str | None = None
    ) -> Router:
        """Take in another router's routes, those it gains later too.

        Args:
            prefix: stands before its paths; slashes are put right. It may be left out: `include(router)`.
            router: a Router, or where one is: `"app.routers.posts"` (its `router`), `"app.routers.posts.api_router"`,
                `"app.routers.posts:api_router"`.
            namespace: stands before its names, before its own namespace.
            name: another word for namespace.

        Raises:
            ImproperlyConfigured: there is no router of that name, or the routers include each other.
        """
        if router is None:
            prefix, router = "", prefix
        found = import_router(router) if isinstance(router, str) else router
        if not isinstance(found, Router):
            raise ImproperlyConfigured(f"include() takes a Router or the dotted path of one, not {router!r}.")
        if found is self or self in found.included():
            raise ImproperlyConfigured(f"{found!r} cannot be included: it includes this router.")
        space = namespace if namespace is not None else name
        self._declared.append(_Include(prefix, found, (space,) if space else ()))
        _changes[0] += 1
        return found

    include_router = include

    def mount(self, prefix: str, app: Any, *, name: str | None = None) -> Any:
        """Hand everything below `prefix` to an ASGI application (WebSockets too), or to a router."""
        if isinstance(app, Router):
            return self.include(prefix, app, namespace=name)
        if not callable(app):
            raise ImproperlyConfigured(f"mount({prefix!r}, ...) takes an ASGI application, not {app!r}.")
        self._declared.append(Route(prefix.rstrip("/"), app, app, None, name, "mount"))
        _changes[0] += 1
        return app

    def included(self) -> Iterator[Router]:
        """All routers below this one."""
        for declared in self._declared:
            if isinstance(declared, _Include):
                yield declared.router
                yield from declared.router.included()

    def _add(self, kind: str, path: str, handler: Any, methods: tuple[str, ...] | None, name: str | None) -> None:
        target = import_handler(handler, path) if isinstance(handler, str) else handler
        parse(path)
        endpoint = as_handler(target, path)
        if methods is None and isinstance(target, type) and not hasattr(target, "as_view"):
            methods = tuple(class_verbs(target))
        is_async = inspect.iscoroutinefunction(inspect.unwrap(endpoint) if callable(endpoint) else endpoint)
        self._declared.append(Route(path, target, endpoint, methods, name, kind, (), is_async))
        _changes[0] += 1

    # Reading

    @property
    def routes(self) -> list[Route]:
        """Every route, those of included routers too, with whole paths, in the order of matching."""
        return list(self.flattened())

    def flattened(self, prefix: str = "", namespaces: tuple[str, ...] = ()) -> Iterator[Route]:
        """The routes as they are below a prefix and namespaces."""
        prefix = join(prefix, self.prefix) if self.prefix else prefix
        if self.namespace:
            namespaces = (*namespaces, self.namespace)
        for declared in self._declared:
            if isinstance(declared, _Include):
                below = join(prefix, declared.prefix) if declared.prefix else prefix
                yield from declared.router.flattened(below, (*namespaces, *declared.namespaces))
            else:
                yield declared.within(prefix, namespaces)

    @property
    def _tables(self) -> _Compiled:
        if self._compiled is None or self._stamp != _changes[0]:
            self._stamp = _changes[0]
            self._compiled = _Compiled(self.routes)
        return self._compiled

    def match(self, path: str, method: str) -> Match[Route] | None:
        """The route for a path and verb; a match without route names the verbs that would do; None: no such path."""
        compiled = self._compiled
        if compiled is None or self._stamp != _changes[0]:
            compiled = self._tables
        return compiled.http.match(path, method)

    def match_websocket(self, path: str) -> Match[Route] | None:
        """The WebSocket route for a path, or None."""
        return self._tables.websockets.match(path, "GET")

    def resolve(self, path: str, method: str = "GET") -> ResolverMatch:
        """What a path leads to.

        Raises:
            Resolver404: nothing.
        """
        found = self.match(path, method)
        if found is None:
            raise Resolver404({"path": path})
        route = found.route or next(
            match.route for verb in found.allowed if (match := self.match(path, verb)) and match.route
        )
        return route.matched(found.params)

    def reverse(self, name: Any, /, *args: Any, **kwargs: Any) -> str:
        """The path of the route called `name` (or whose handler is `name`).

        Raises:
            NoReverseMatch: there is none, or it does not take those parameters.
        """
        patterns = self._tables.names.get(name) if _hashable(name) else None
        if not patterns:
            raise NoReverseMatch(self._unknown(name))
        for pattern in patterns:
            values = dict(zip((parameter.name for parameter in pattern.parameters), args, strict=False)) | kwargs
            if values.keys() == pattern.names and len(values) == len(args) + len(kwargs):
                path = pattern.build(values)
                if path is not None:
                    return path
        given = f"arguments '{args}'" if args else f"keyword arguments '{kwargs}'" if kwargs else "no arguments"
        tried = [pattern.text for pattern in patterns]
        raise NoReverseMatch(f"Reverse for {name!r} with {given} not found. {len(tried)} pattern(s) tried: {tried}")

    def url_path_for(self, name: str, /, **params: Any) -> str:
        """`reverse` under Starlette's name."""
        return self.reverse(name, **params)

    url_for = url_path_for

    def _unknown(self, name: Any) -> str:
        known = [key for key in self._tables.names if isinstance(key, str)]
        nearest = ", ".join(choices(name, known)[:5]) if isinstance(name, str) else ""
        advice = f" The nearest names are: {nearest}" if nearest else ""
        return f"Reverse for {name!r} not found. {name!r} is not a valid view function or pattern name.{advice}"


class _Compiled:
    """A router's routes as tables."""

    def __init__(self, routes: list[Route]) -> None:
        parsed = [(_pattern(route), route) for route in routes]
        self.http = Table[Route](
            (pattern, route.methods, route) for pattern, route in parsed if route.kind != "websocket"
        )
        self.websockets = Table[Route]((pattern, None, route) for pattern, route in parsed if route.kind != "http")
        self.names: dict[Any, list[Pattern]] = {}
        for pattern, route in parsed:
            if route.full_name:
                self.names.setdefault(route.full_name, []).append(pattern)
            if route.kind != "mount" and _hashable(route.handler):
                self.names.setdefault(route.handler, []).append(pattern)


REST: Final = "path"


class _Rest:
    """The converter of a mount's remainder: empty, or a slash and anything."""

    regex = "(?:/.*)?"

    def to_python(self, value: str) -> str:
        """The remainder."""
        return value

    def to_url(self, value: Any) -> str:
        """The remainder, with its slash."""
        text = str(value)
        return text if text.startswith("/") or not text else "/" + text


def _pattern(route: Route) -> Pattern:
    if route.kind != "mount":
        return parse(route.path)
    base = parse(route.path)
    rest = Parameter(REST, _Rest.regex, _Rest())
    return Pattern(route.path + "{path:*}", (*base.parts, rest))


def _verbs(methods: Iterable[str] | None, path: str) -> tuple[str, ...] | None:
    if methods is None:
        return None
    verbs = tuple(dict.fromkeys(method.upper() for method in ([methods] if isinstance(methods, str) else methods)))
    if unknown := [verb for verb in verbs if verb not in METHODS]:
        names = ", ".join(choices(unknown[0], METHODS))
        raise ImproperlyConfigured(f"{path!r} names the method {unknown[0]!r}; choose from: {names}")
    return verbs


def _hashable(value: object) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def import_router(path: str) -> Router:
    """The router at a dotted path: a module's `router`, or `module.attribute`, or `module:attribute`.

    Raises:
        ImproperlyConfigured: there is none; the message lists the routers that the module has.
    """
    module_name, colon, attribute = path.partition(":")
    if colon:
        return _router_in(importlib.import_module(module_name), attribute, path)
    try:
        return _router_in(importlib.import_module(path), "router", path)
    except ModuleNotFoundError as error:
        parent, _, attribute = path.rpartition(".")
        if not parent or error.name is None or not path.startswith(error.name):
            raise
        return _router_in(importlib.import_module(parent), attribute, path)


def _router_in(module: Any, attribute: str, path: str) -> Router:
    found = getattr(module, attribute, None)
    if isinstance(found, Router):
        return found
    known = [name for name, value in vars(module).items() if isinstance(value, Router)]
    has = f"its routers are: {', '.join(sorted(known))}" if known else "it has no Router"
    raise ImproperlyConfigured(f"include({path!r}): {module.__name__} has no router {attribute!r}; {has}.")


def import_handler(path: str, route: str) -> Any:
    """The handler at a dotted path.

    Raises:
        ImproperlyConfigured: there is none; the message lists what the module has.
    """
    module_name, _, attribute = path.replace(":", ".").rpartition(".")
    if not module_name:
        raise ImproperlyConfigured(f"The handler {path!r} of {route!r} is no dotted path (module.function).")
    module = importlib.import_module(module_name)
    try:
        return getattr(module, attribute)
    except AttributeError:
        names = ", ".join(choices(attribute, (name for name in vars(module) if not name.startswith("_")))[:8])
        raise ImproperlyConfigured(
            f"The handler of {route!r}: {module_name} has no {attribute!r}; it has: {names}"
        ) from None
