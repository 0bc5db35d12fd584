"""The tree of routes finds what a look at every pattern in declared order finds."""

import random
import sys

import pytest

from covet.routing.patterns import parse
from covet.routing.table import Table

LITERALS = ["a", "b", "ab", "x-", ".json", "posts", "a.b", "é"]
PARAMETERS = ["{%s}", "{%s:int}", "{%s:slug}", "{%s:path}", "{%s:float}", "{%s:uuid}"]
TEXTS = ["a", "b", "ab", "7", "12", "1.5", "x-", "x-a", "a.json", "posts", "a.b", "é", "", "9" * 310, "a/b", "\n"]
VERBS = [None, ("GET",), ("POST",), ("GET", "PUT")]
TABLES = 75


def make_pattern(choose):
    names = iter("pqrstuvw")
    segments = []
    for _ in range(choose.randint(1, 4)):
        parts = [
            choose.choice(PARAMETERS) % next(names) if choose.random() < 0.5 else choose.choice(LITERALS)
            for _ in range(choose.choice([1, 1, 1, 2]))
        ]
        segments.append("".join(parts))
    text = "/" + "/".join(segments) + choose.choice(["", "/"])
    # Several of them take time in a power of the path's length, whoever looks.
    return parse(text.replace(":path}", "}", max(0, text.count(":path}") - 1)))


def make_path(choose, patterns):
    if choose.random() < 0.7:
        pattern = choose.choice(patterns)
        return "".join(part if isinstance(part, str) else choose.choice(TEXTS) for part in pattern.parts)
    return "/" + "/".join(choose.choice(TEXTS) for _ in range(choose.randint(1, 5)))


def looked_through(routes, path, method):
    """What Django would do: each pattern in turn."""
    allowed = set()
    for pattern, verbs, name in routes:
        params = pattern.match(path)
        if params is None:
            continue
        if verbs is None or method in verbs or (method == "HEAD" and "GET" in verbs):
            return name, params
        allowed.update(verbs)
    return (None, allowed) if allowed else None


@pytest.mark.parametrize("part", range(4))
def test_the_tree_finds_what_a_look_at_every_pattern_finds(part):
    for seed in range(part * TABLES, (part + 1) * TABLES):
        compare(seed)


def compare(seed):
    choose = random.Random(seed)
    patterns = [make_pattern(choose) for _ in range(choose.randint(1, 12))]
    # Of one pattern's routes the verbs come together, so each pattern is declared once here.
    unique = {pattern.text: pattern for pattern in patterns}
    routes = [(pattern, choose.choice(VERBS), number) for number, pattern in enumerate(unique.values())]
    table = Table(routes)
    for _ in range(40):
        path = make_path(choose, patterns)
        method = choose.choice(["GET", "POST", "PUT", "HEAD"])
        found, expected = table.match(path, method), looked_through(routes, path, method)
        if expected is None:
            assert found is None, (seed, path)
        elif expected[0] is None:
            assert found.route is None, (seed, path)
            assert expected[1] <= found.allowed, (seed, path)
        else:
            assert (found.route, found.params) == expected, (seed, path)


def test_the_cost_does_not_grow_with_the_routes():
    """Counted in steps of the tree, which no other process disturbs."""

    def steps(count):
        table = Table((parse(f"/{{lang}}/things{n}/x{n}-{{pk:int}}.json"), ("GET",), n) for n in range(count))
        path, seen = f"/en/things{count - 1}/x{count - 1}-7.json", []
        sys.setprofile(lambda _frame, event, _argument: seen.append(event))
        try:
            found = table.match(path, "GET")
        finally:
            sys.setprofile(None)
        assert found.params == {"lang": "en", "pk": 7}
        return len(seen)

    assert steps(3_000) == steps(10)
