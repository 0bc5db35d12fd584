"""Routes with parameters as a tree over the segments of their paths.

A path is walked segment by segment: a dict leads on where a segment is literal, and parameters are tried by the literal
text around them, so that a match costs the same whatever the number of routes. Order is Django's: of all that match,
the route that was declared first wins. Knows nothing of requests.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Generic, TypeVar

from covet.routing.patterns import Parameter, Pattern

T = TypeVar("T")

Texts = tuple[str, ...]

# The regexes of the converters str and uuid, and what digits, words and sets of them are written with.
_ANYTHING: Final = "[^/]+"
_SLASHLESS: Final = re.compile(r"(?:\\[dw]|\[[A-Za-z0-9_\-]+\]|[A-Za-z0-9_{}?*+,|():\-])*")
_OPTIONAL_FRACTION: Final = r"[0-9]+(?:\.[0-9]+)?"


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

    def convert(self, texts: Texts) -> dict[str, Any] | None:
        """Values for the parameters' texts; None where a converter refuses one."""
        params: dict[str, Any] = {}
        try:
            for (name, convert), text in zip(self.converters, texts, strict=True):
                params[name] = text if convert is None else convert(text)
        except ValueError:
            return None
        return params


Found = tuple[Entry[T], Texts]


class _Node(Generic[T]):
    """Where some segments lead.

    Attributes:
        first: the lowest order below.
        literal: by the next segment's text.
        edges: by the literal text before and after a segment's parameters.
        around: the lengths of those texts.
        tails: routes whose rest may hold slashes, with the regex of that rest.
        ends: routes that end here, in order.
    """

    __slots__ = ("around", "edges", "ends", "first", "literal", "tails")

    def __init__(self, first: int) -> None:
        self.first = first
        self.literal: dict[str, _Node[T]] = {}
        self.edges: dict[tuple[str, str], list[_Edge[T]]] = {}
        self.around: tuple[tuple[int, int], ...] = ()
        self.tails: list[tuple[Entry[T], re.Pattern[str]]] = []
        self.ends: list[Entry[T]] = []


class _Edge(Generic[T]):
    """A segment with parameters; `match` is None where it is one that takes any text."""

    __slots__ = ("match", "node", "source")

    def __init__(self, source: str, node: _Node[T]) -> None:
        self.source = source
        self.node = node
        self.match = None if source == f"({_ANYTHING})" else re.compile(source, re.DOTALL).fullmatch

    def texts(self, segment: str) -> Texts | None:
        """The parameters' texts, if the segment matches."""
        if self.match is None:
            return (segment,) if segment else None
        found = self.match(segment)
        return None if found is None else found.groups()


class Tree(Generic[T]):
    """The entries whose patterns have parameters.

    Args:
        entries: in the order of declaration.
    """

    def __init__(self, entries: Iterable[Entry[T]]) -> None:
        self._root: _Node[T] = _Node(0)
        for entry in entries:
            self._add(entry)

    def first(self, path: str) -> Found[T] | None:
        """The first entry in declared order that matches, with its parameters' texts."""
        return _first(self._root, path, path.split("/"), 0, (), None)

    def all(self, path: str) -> list[Found[T]]:
        """Every entry that matches, in no order."""
        return list(_all(self._root, path, path.split("/"), 0, ()))

    def _add(self, entry: Entry[T]) -> None:
        node = self._root
        parts = list(entry.pattern.parts)
        segment: list[str | Parameter] = []
        while parts:
            part = parts.pop(0)
            if isinstance(part, Parameter):
                segment.append(part)
                if not _is_slashless(part):
                    node.tails.append((entry, re.compile(_source([*segment, *parts]), re.DOTALL)))
                    return
                continue
            text, slash, rest = part.partition("/")
            if text:
                segment.append(text)
            if slash:
                node = _below(node, segment, entry.order)
                segment = []
                if rest or not parts:
                    parts.insert(0, rest)
        _below(node, segment, entry.order).ends.append(entry)


def _below(node: _Node[T], segment: list[str | Parameter], order: int) -> _Node[T]:
    """The node that a segment leads to; it is made where there is none."""
    if all(isinstance(part, str) for part in segment):
        return node.literal.setdefault("".join(map(str, segment)), _Node(order))
    before = segment[0] if isinstance(segment[0], str) else ""
    after = segment[-1] if isinstance(segment[-1], str) else ""
    lengths = (len(before), len(after))
    if lengths not in node.around:
        node.around = (*node.around, lengths)
    edges = node.edges.setdefault((before, after), [])
    source = _source(segment)
    for edge in edges:
        if edge.source == source:
            return edge.node
    edges.append(_Edge(source, _Node(order)))
    return edges[-1].node


def _source(parts: list[str | Parameter]) -> str:
    return "".join(re.escape(part) if isinstance(part, str) else f"({part.regex})" for part in parts)


def _is_slashless(parameter: Parameter) -> bool:
    """Whether no text of the parameter can hold a slash, as far as its regex is easy to judge."""
    regex = parameter.regex
    if regex in {_ANYTHING, _OPTIONAL_FRACTION}:
        return True
    return "--" not in regex and _SLASHLESS.fullmatch(regex) is not None


def _first(
    node: _Node[T], path: str, segments: list[str], index: int, texts: Texts, best: Found[T] | None
) -> Found[T] | None:
    """The earlier of `best` and the first entry below `node` that the segments from `index` on lead to."""
    while True:
        if index == len(segments):
            if node.ends and (best is None or node.ends[0].order < best[0].order):
                return node.ends[0], texts
            return best
        segment = segments[index]
        below = node.literal.get(segment)
        if node.around or node.tails:
            break
        if below is None:
            return best
        node = below
        index += 1
    if below is not None and (best is None or below.first < best[0].order):
        best = _first(below, path, segments, index + 1, texts, best)
    for before, after in node.around:
        for edge in node.edges.get((segment[:before], segment[len(segment) - after :]), ()):
            if best is None or edge.node.first < best[0].order:
                more = edge.texts(segment)
                if more is not None:
                    best = _first(edge.node, path, segments, index + 1, texts + more, best)
    for entry, regex in node.tails:
        if best is not None and best[0].order < entry.order:
            break
        found = regex.fullmatch(path, _position(segments, index))
        if found is not None:
            return entry, texts + found.groups()
    return best


def _all(node: _Node[T], path: str, segments: list[str], index: int, texts: Texts) -> Iterator[Found[T]]:
    """Every entry below `node` that the segments from `index` on lead to."""
    if index == len(segments):
        yield from ((entry, texts) for entry in node.ends)
        return
    segment = segments[index]
    if segment in node.literal:
        yield from _all(node.literal[segment], path, segments, index + 1, texts)
    for before, after in node.around:
        for edge in node.edges.get((segment[:before], segment[len(segment) - after :]), ()):
            more = edge.texts(segment)
            if more is not None:
                yield from _all(edge.node, path, segments, index + 1, texts + more)
    for entry, regex in node.tails:
        found = regex.fullmatch(path, _position(segments, index))
        if found is not None:
            yield entry, texts + found.groups()


def _position(segments: list[str], index: int) -> int:
    """Where in the path a segment begins."""
    return sum(map(len, segments[:index])) + index
