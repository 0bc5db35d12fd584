"""ATOMIC_REQUESTS: which databases wrap each request in a transaction, and which handlers are exempt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, overload

from covet.database.config import DatabaseConfig
from covet.database.connections.registry import DEFAULT, connections

F = TypeVar("F", bound=Callable[..., Any])

EXEMPT: Final = "_non_atomic_requests"


def atomic_aliases() -> list[str]:
    """The databases whose configuration says `atomic_requests`."""
    return [alias for alias, value in connections.databases.items() if DatabaseConfig.of(value).atomic_requests]


def wrapped_aliases(handler: Any, aliases: list[str]) -> list[str]:
    """Those of `aliases` that `handler` is not exempt from."""
    exempt = getattr(handler, EXEMPT, ())
    return [alias for alias in aliases if alias not in exempt]


@overload
def non_atomic_requests(using: F) -> F: ...


@overload
def non_atomic_requests(using: str | None = None) -> Callable[[F], F]: ...


def non_atomic_requests(using: Any = None) -> Any:
    """Exempt a handler from ATOMIC_REQUESTS: bare, or with a database's alias."""
    if callable(using):
        return _exempt(using, DEFAULT)
    return lambda handler: _exempt(handler, using or DEFAULT)


def _exempt(handler: F, alias: str) -> F:
    setattr(handler, EXEMPT, {*getattr(handler, EXEMPT, ()), alias})
    return handler
