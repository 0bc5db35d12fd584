"""Routers, path converters, and names turned into paths."""

from typing import Any

from covet.exceptions import NoReverseMatch, Resolver404
from covet.http.urls import ResolverMatch, is_resolvable, resolve, reverse
from covet.routing.converters import register_converter
from covet.routing.router import Route, Router
from covet.utils.functional import Promise

__all__ = [
    "Router",
    "Route",
    "register_converter",
    "reverse",
    "url_for",
    "reverse_lazy",
    "resolve",
    "is_resolvable",
    "ResolverMatch",
    "NoReverseMatch",
    "Resolver404",
]


def url_for(name: str, /, **params: object) -> str:
    """The path of the route called `name`: `url_for("post-detail", pk=1)`."""
    return reverse(name, kwargs=params)


def reverse_lazy(viewname: Any, *args: Any, **kwargs: Any) -> Any:
    """`reverse`, worked out when it is used: for class attributes and settings, which come before the routes."""
    return Promise(reverse, viewname, *args, **kwargs)
