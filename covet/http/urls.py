"""The seam between names and addresses: the router registers itself here, everything below asks for `reverse`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode

from covet.exceptions import ImproperlyConfigured, Resolver404
from covet.http.context import request_var


@dataclass(slots=True)
class ResolverMatch:
    """What a path led to: Django's `request.resolver_match`.

    Attributes:
        func: the handler. kwargs: the path's parameters, typed.
        url_name: the route's own name; view_name: with its namespaces.
        route: the path's pattern.
    """

    func: Any
    kwargs: dict[str, Any] = field(default_factory=dict)
    url_name: str | None = None
    namespaces: tuple[str, ...] = ()
    route: str = ""
    args: tuple[Any, ...] = ()

    @property
    def namespace(self) -> str:
        """The namespaces, joined with colons."""
        return ":".join(self.namespaces)

    @property
    def app_names(self) -> list[str]:
        """The namespaces as a list."""
        return list(self.namespaces)

    app_name = namespace

    @property
    def view_name(self) -> str | None:
        """The name that `reverse` takes."""
        return ":".join((*self.namespaces, self.url_name)) if self.url_name else None


class Resolver(Protocol):
    """What can turn names into paths, and paths into handlers: a router."""

    def reverse(self, name: Any, /, *args: Any, **kwargs: Any) -> str:
        """The path of the route called `name`."""
        ...

    def resolve(self, path: str, method: str = "GET") -> ResolverMatch:
        """What a path leads to."""
        ...


_installed: list[Resolver] = []


def install_resolver(resolver: Resolver) -> None:
    """Make `resolver` the one that answers outside a request; the application calls it."""
    _installed[:] = [resolver]


def current_resolver() -> Resolver:
    """The resolver of the current request's application, else the one installed last.

    Raises:
        ImproperlyConfigured: there is none.
    """
    request = request_var.get()
    if request is not None:
        found: Resolver | None = request.scope.get("covet.resolver")
        if found is not None:
            return found
    if not _installed:
        raise ImproperlyConfigured("There are no routes yet: create the Covet application before reversing names.")
    return _installed[0]


def reverse(
    viewname: Any,
    urlconf: Any = None,
    args: Sequence[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    current_app: str | None = None,
    *,
    query: Mapping[str, Any] | None = None,
    fragment: str | None = None,
    **params: Any,
) -> str:
    """The path of a route.

    Args:
        viewname: the route's name (`posts:detail`), or its handler.
        urlconf: another router to ask.
        args: parameters in the pattern's order.
        kwargs: or by name; `reverse("post", pk=1)` works too.
        current_app: ignored; namespaces are absolute.
        query: parameters to append.
        fragment: an anchor to append.
        params: parameters by name.

    Raises:
        NoReverseMatch: no route of that name takes those parameters; the message names the nearest.
    """
    resolver: Resolver = urlconf if urlconf is not None else current_resolver()
    path = _root_path() + resolver.reverse(viewname, *(args or ()), **{**(kwargs or {}), **params})
    if query:
        path = f"{path}?{urlencode(query, doseq=True)}"
    return f"{path}#{fragment}" if fragment else path


def _root_path() -> str:
    """The prefix that the application is mounted under."""
    request = request_var.get()
    return str(request.scope.get("covet.root_path", "")) if request is not None else ""


def resolve(path: str, urlconf: Any = None) -> ResolverMatch:
    """What `path` leads to.

    Raises:
        Resolver404: nothing.
    """
    resolver: Resolver = urlconf if urlconf is not None else current_resolver()
    return resolver.resolve(path)


def is_resolvable(path: str) -> bool:
    """Whether some route matches `path`."""
    try:
        current_resolver().resolve(path)
    except (Resolver404, ImproperlyConfigured):
        return False
    return True
