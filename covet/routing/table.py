"""The compiled form of a router's routes: a dict for static paths, and a tree of segments for the others.

Order is Django's: the route that was declared first wins, whether it is static or not. Built by `covet.routing.router`;
knows nothing of requests.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Generic, TypeVar

from covet.routing.patterns import Pattern
from covet.routing.tree import Entry, Tree

T = TypeVar("T")

MAX_PATH: Final = 4096
"""Longer paths match nothing: patterns with several `path` parameters need time in the square of the length."""


class Match(Generic[T]):
    """What a path led to: a route with its parameters, or the verbs that would have done."""

    __slots__ = ("allowed", "params", "route")

    def __init__(self, route: T | None, params: dict[str, Any], allowed: frozenset[str] = frozenset()) -> None:
        self.route = route
        self.params = params
        self.allowed = allowed


class Table(Generic[T]):
    """Routes, compiled for matching.

    Args:
        routes: (pattern, verbs or None for all, route) in the order of declaration.
    """

    def __init__(self, routes: Iterable[tuple[Pattern, Iterable[str] | None, T]]) -> None:
        entries = _grouped(routes)
        self._tree = Tree([entry for entry in entries if not entry.pattern.is_static])
        self._static = {entry.pattern.text: entry for entry in entries if entry.pattern.is_static}
        # Static paths that no earlier dynamic route takes; each is found out when it is first asked for.
        self._fast: dict[str, Entry[T]] = {}

    def match(self, path: str, method: str) -> Match[T] | None:
        """What `path` leads to for `method`; None when no pattern matches it."""
        entry = self._fast.get(path)
        if entry is not None:
            route = entry.route(method)
            return Match(route, {}) if route is not None else self._search(path, method)
        found = self._tree.first(path) if len(path) <= MAX_PATH else None
        static = self._static.get(path)
        if static is not None and (found is None or static.order < found[0].order):
            self._fast[path] = static
            return self.match(path, method)
        if found is None:
            return None
        entry, texts = found
        route = entry.route(method)
        params = entry.convert(texts) if route is not None else None
        return self._search(path, method) if params is None else Match(route, params)

    def _search(self, path: str, method: str) -> Match[T] | None:
        """The slow way, in declared order: for other verbs, and where a converter refused its text."""
        matching = self._tree.all(path) if len(path) <= MAX_PATH else []
        if path in self._static:
            matching.append((self._static[path], ()))
        matching.sort(key=lambda found: found[0].order)
        allowed: set[str] = set()
        for entry, texts in matching:
            params = entry.convert(texts)
            if params is None:
                continue
            route = entry.route(method)
            if route is not None:
                return Match(route, params)
            allowed.update(verb for verb in entry.methods if verb is not None)
        if not allowed:
            return None
        if "GET" in allowed:
            allowed.add("HEAD")
        return Match(None, {}, frozenset(allowed | {"OPTIONS"}))


def _grouped(routes: Iterable[tuple[Pattern, Iterable[str] | None, T]]) -> list[Entry[T]]:
    entries: dict[str, Entry[T]] = {}
    for pattern, verbs, route in routes:
        entry = entries.setdefault(pattern.text, Entry(len(entries), pattern))
        if entry.pattern.names != pattern.names:  # pragma: no cover - equal texts have equal names
            continue
        if None in entry.methods:
            continue  # an earlier route takes every verb
        for verb in (None,) if verbs is None else verbs:
            entry.methods.setdefault(verb, route)
    return list(entries.values())
