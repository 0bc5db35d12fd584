"""A router's routes as text, for `covet routes`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from covet.routing.router import Route, Router


def lines(router: Router) -> Iterator[tuple[str, str, str, str]]:
    """Path, verbs, name and handler of each route, in the order in which they match."""
    for route in router.routes:
        yield route.path, verbs(route), route.full_name or "", dotted(route.handler)


def verbs(route: Route) -> str:
    """The route's verbs, or what it is instead."""
    if route.kind != "http":
        return route.kind
    return ", ".join(route.methods) if route.methods else "any"


def dotted(handler: Any) -> str:
    """Where a handler is defined."""
    if isinstance(handler, str):
        return handler
    named = handler if hasattr(handler, "__qualname__") else type(handler)
    return f"{named.__module__}.{named.__qualname__}"
