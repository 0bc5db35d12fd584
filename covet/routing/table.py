"""The compiled form of a router's routes: a dict for static paths, and one regex a path prefix for the others.

Order is Django's: the route that was declared first wins, whether it is static or not. The regex of a prefix is a tree
of its routes' common beginnings, so that a match costs a few microseconds whatever the number of routes. Built by
`covet.routing.router`; knows nothing of requests.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Generic, TypeVar

from covet.routing.patterns import Parameter, Pattern

T = TypeVar("T")

MAX_PATH: Final = 4096
"""Longer paths match nothing: patterns with several `path` parameters need time in the square of the length."""

Token = str | Parameter


class Entry(Generic[T]):
    """All routes of one pattern: `methods` leads from the verb to the route; `None` stands for every verb.

    Attributes:
        order: the position of the pattern's first declaration.
        pattern: the pattern.
    """

    __slots__ = ("converters", "methods", "order", "pattern")

    def __init__(self, order: int, pattern: Pattern) -> None:
        self.order = order
        self.pattern = pattern
        self.methods: dict[str | None, T] = {}
        self.converters: tuple[tuple[str, Callable[[str], Any] | None], ...] = tuple(
            (parameter.name, None if parameter.is_plain else parameter.converter.to_python)
            for parameter in pattern.parameters
        )

    def route(self, method: str) -> T | None:
        """The route for a verb; HEAD falls back on GET."""
        methods = self.methods
        found = methods.get(method)
        if found is None:
            found = methods.get("GET") if method == "HEAD" else None
            if found is None:
                found = methods.get(None)
        return found


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
        self._entries = _grouped(routes)
        self._prefixes = _Prefixes([entry for entry in self._entries if not entry.pattern.is_static])
        self._static = {entry.pattern.text: entry for entry in self._entries if entry.pattern.is_static}
        # Static paths that no earlier dynamic route takes; each is found out when it is first asked for.
        self._fast: dict[str, Entry[T]] = {}

    def match(self, path: str, method: str) -> Match[T] | None:
        """What `path` leads to for `method`; None when no pattern matches it."""
        entry = self._fast.get(path)
        if entry is not None:
            route = entry.route(method)
            return Match(route, {}) if route is not None else self._search(path, method)
        found = self._prefixes.match(path)
        static = self._static.get(path)
        if static is not None and (found is None or static.order < found[0].order):
            self._fast[path] = static
            return self.match(path, method)
        if found is None:
            return None
        entry, texts = found
        route = entry.route(method)
        if route is None:
            return self._search(path, method)
        params: dict[str, Any] = {}
        try:
            for (name, convert), text in zip(entry.converters, texts, strict=True):
                params[name] = text if convert is None else convert(text)
        except ValueError:
            return self._search(path, method)
        return Match(route, params)

    def _search(self, path: str, method: str) -> Match[T] | None:
        """The slow way, in declared order: for other verbs, and where a converter refused its text."""
        allowed: set[str] = set()
        for entry in self._entries:
            params = entry.pattern.match(path) if len(path) <= MAX_PATH else None
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


class _Prefixes(Generic[T]):
    """The dynamic entries, in a bucket for each static beginning."""

    def __init__(self, entries: Sequence[Entry[T]]) -> None:
        members: dict[str, list[Entry[T]]] = {}
        for entry in entries:
            members.setdefault(_beginning(entry.pattern), []).append(entry)
        self._buckets = {beginning: _Bucket(group) for beginning, group in members.items()}
        self._longest = max(map(len, members), default=0)

    def match(self, path: str) -> tuple[Entry[T], tuple[str, ...]] | None:
        """The first entry in declared order that matches, with its parameters' texts."""
        if len(path) > MAX_PATH:
            return None
        best = None
        end = min(len(path), self._longest)
        while (end := path.rfind("/", 0, end)) >= 0:
            bucket = self._buckets.get(path[: end + 1])
            if bucket is not None and (best is None or bucket.first < best[0].order):
                found = bucket.match(path)
                if found is not None and (best is None or found[0].order < best[0].order):
                    best = found
        return best


def _beginning(pattern: Pattern) -> str:
    """The pattern's literal start, up to and with its last slash."""
    first = pattern.parts[0]
    literal = first if isinstance(first, str) else ""
    return literal[: literal.rfind("/") + 1]


class _Bucket(Generic[T]):
    """Some entries behind one regex, compiled when a path first needs it."""

    def __init__(self, entries: list[Entry[T]]) -> None:
        self.first = entries[0].order
        self._entries = entries
        self._match: Callable[[str], re.Match[str] | None] | None = None
        self._ends: dict[int, tuple[Entry[T], tuple[int, ...]]] = {}

    def match(self, path: str) -> tuple[Entry[T], tuple[str, ...]] | None:
        """The first entry that matches, with its parameters' texts."""
        found = (self._match or self._compile())(path)
        if found is None:
            return None
        entry, groups = self._ends[found.lastindex or 0]
        return entry, (found[groups[0]],) if len(groups) == 1 else found.group(*groups) if groups else ()

    def _compile(self) -> Callable[[str], re.Match[str] | None]:
        builder = _TreeBuilder[T]()
        source = builder.build([(_tokens(entry.pattern), entry) for entry in self._entries])
        self._ends = builder.ends
        self._match = re.compile(source, re.DOTALL).match
        return self._match


def _tokens(pattern: Pattern) -> tuple[Token, ...]:
    tokens: list[Token] = []
    for part in pattern.parts:
        if isinstance(part, str):
            tokens.extend(part)
        else:
            tokens.append(part)
    return tuple(tokens)


class _Branch(Generic[T]):
    """Alternatives that go on with the same token; the token is None where they end."""

    __slots__ = ("members", "token")

    def __init__(self, token: Token | None) -> None:
        self.token = token
        self.members: list[tuple[tuple[Token, ...], Entry[T]]] = []

    def joins(self, token: Token | None) -> bool:
        if isinstance(self.token, Parameter) and isinstance(token, Parameter):
            return self.token.regex == token.regex
        return self.token is not None and self.token == token


class _TreeBuilder(Generic[T]):
    """Writes a regex whose alternatives share their common beginnings, without changing which of them comes first.

    Each entry ends in an empty group, so that `lastindex` of a match tells the entry.
    """

    def __init__(self) -> None:
        self.ends: dict[int, tuple[Entry[T], tuple[int, ...]]] = {}
        self._groups = 0

    def build(self, members: list[tuple[tuple[Token, ...], Entry[T]]], taken: tuple[int, ...] = ()) -> str:
        """The regex of `members`; `taken` are the groups of the parameters before."""
        pieces: list[str] = []
        while True:
            branches = self._branches(members)
            if len(branches) > 1:
                pieces.append(f"(?:{'|'.join(self._branch(branch, taken) for branch in branches)})")
                return "".join(pieces)
            branch = branches[0]
            if branch.token is None:
                pieces.append(self._branch(branch, taken))
                return "".join(pieces)
            text, taken = self._token(branch.token, taken)
            pieces.append(text)
            members = branch.members

    def _branches(self, members: list[tuple[tuple[Token, ...], Entry[T]]]) -> list[_Branch[T]]:
        branches: list[_Branch[T]] = []
        for tokens, entry in members:
            token = tokens[0] if tokens else None
            branch = self._place(branches, token)
            branch.members.append((tokens[1:], entry))
        return branches

    @staticmethod
    def _place(branches: list[_Branch[T]], token: Token | None) -> _Branch[T]:
        """The branch that `token` joins: one it may move up to past branches that match other texts."""
        for branch in reversed(branches):
            if branch.joins(token):
                return branch
            if isinstance(branch.token, Parameter) or isinstance(token, Parameter):
                break
        branches.append(_Branch(token))
        return branches[-1]

    def _branch(self, branch: _Branch[T], taken: tuple[int, ...]) -> str:
        if branch.token is None:
            self._groups += 1
            self.ends[self._groups] = (branch.members[0][1], taken)
            return r"\Z()"
        text, taken = self._token(branch.token, taken)
        return text + self.build(branch.members, taken)

    def _token(self, token: Token, taken: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
        if isinstance(token, str):
            return re.escape(token), taken
        self._groups += 1
        return f"({token.regex})", (*taken, self._groups)
