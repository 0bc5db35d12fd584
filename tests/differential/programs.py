"""Random QuerySets, as plain data that either framework can be asked to carry out.

A program is a model's name, a list of steps and a way to end; `expressions` has what they are made of.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.differential.catalog import MODELS
from tests.differential.expressions import (
    VALUES,
    Node,
    aggregates,
    computed,
    conditions,
    expressions,
    paths,
    subqueries,
    trees,
)

COUNTING = frozenset({"RowNumber", "Rank", "Count", "Ntile"})


@dataclass(frozen=True)
class Program:
    """A QuerySet and what is asked of it."""

    model: str
    steps: tuple[Node, ...]
    end: Node

    def __str__(self) -> str:
        return "\n  ".join((self.model, *map(repr, (*self.steps, self.end))))


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """A whole QuerySet."""
    model = draw(st.sampled_from(sorted(MODELS)))
    steps: list[Node] = []
    for _ in range(draw(st.integers(0, 3))):
        steps.append((draw(st.sampled_from(("filter", "filter", "exclude"))), draw(trees(model))))
    annotated: list[str] = []
    if draw(st.integers(0, 2)) == 0:
        annotated = ["extra_one"]
        node = draw(computed(model))
        steps.append(("annotate", "extra_one", node))
        if draw(st.booleans()):
            if (node[0] == "aggregate" and node[1] == "Count") or (node[0] == "window" and node[1] in COUNTING):
                steps.append(("filter", ("is", "extra_one__gte", draw(st.integers(0, 2)))))
            elif node[0] == "first_of":
                steps.append(("filter", ("is", "extra_one__isnull", draw(st.booleans()))))
    order = draw(orders(model, tuple(annotated)))
    return Program(model, tuple(steps), draw(ends(model, tuple(annotated), order, tuple(steps))))


@functools.cache
@st.composite
def orders(draw: st.DrawFn, model: str, annotated: tuple[str, ...]) -> Node:
    """A total order: some fields, then the key."""
    names = [*sorted(MODELS[model].fields), *sorted(MODELS[model].forward), *annotated]
    names = [name for name in names if MODELS[model].fields.get(name) != "json"]
    chosen = draw(st.lists(st.sampled_from(names), max_size=2, unique=True))
    terms: list[Any] = []
    for name in chosen:
        form = draw(st.integers(0, 4))
        if form == 3 and name in MODELS[model].fields:
            terms.append(("desc" if draw(st.booleans()) else "asc", name, draw(st.sampled_from(("first", "last")))))
        elif form == 4:
            # Greatest of two types is refused by Django where it is grouped by, and by us where it is chosen.
            node = draw(expressions(model).filter(lambda found: "Greatest" not in found[0]))[0]
            terms.append(("by", "desc" if draw(st.booleans()) else "asc", node))
        else:
            terms.append(f"-{name}" if form == 1 else name)
    return (*terms, draw(st.sampled_from(("pk", "-pk"))))


@functools.cache
@st.composite
def ends(draw: st.DrawFn, model: str, annotated: tuple[str, ...], order: Node, steps: tuple[Node, ...]) -> Node:
    """What is asked of the QuerySet."""
    described = MODELS[model]
    window = draw(st.sampled_from(((None, None), (None, None), (0, 3), (1, 4), (2, None))))
    # Django keeps rows apart by their windows, though only what is chosen should be distinct.
    windowed = any(step[0] == "annotate" and step[2][0] == "window" for step in steps)
    kind = draw(st.integers(0, 17))
    if kind <= 2:
        return ("rows", order, window, annotated)
    if kind == 3:
        return ("values", order, window, (*draw(st.lists(paths_only(model), min_size=1, max_size=3)), *annotated))
    if kind == 4:
        return ("flat", order, window, draw(paths(model, longest=1, many=False))[0])
    if kind == 5:
        return ("count",)
    if kind == 6:
        return ("totals", draw(aggregates(model)), draw(aggregates(model)))
    if kind == 7 and described.forward:
        return ("related", order, window, draw(st.sampled_from(sorted(described.forward))))
    if kind == 8 and described.many:
        return ("prefetched", order, window, draw(st.sampled_from(sorted(described.many))))
    if kind == 9:
        return ("groups", draw(paths(model, longest=1, many=False))[0], draw(aggregates(model)))
    if kind == 10:
        return ("combined", draw(st.sampled_from(("union", "intersection", "difference"))), draw(trees(model)))
    if kind == 11:
        fields = sorted(set(described.fields) - {"id"})
        chosen = tuple(draw(st.lists(st.sampled_from(fields), min_size=1, max_size=2, unique=True)))
        return ("partial", draw(st.sampled_from(("only", "defer"))), chosen, order)
    if kind == 12:
        return (draw(st.sampled_from(("first", "last", "exists"))), order)
    if kind in {13, 14}:
        return ("later", order, draw(_later_steps(model)), window, annotated)
    if kind == 15 and not windowed:
        names = draw(st.lists(paths_only(model, json=False), min_size=1, max_size=2, unique=True))
        return ("distinct", tuple(names))
    moments = sorted(name for name, found in described.fields.items() if found in {"date", "datetime"})
    if kind == 16 and moments and not windowed:
        name = draw(st.sampled_from(moments))
        part = draw(st.sampled_from(("year", "month", "week", "day")))
        method = "dates" if described.fields[name] == "date" else "datetimes"
        return ("moments", method, name, part, draw(st.sampled_from(("ASC", "DESC"))))
    return draw(_writes(model))


@functools.cache
@st.composite
def _later_steps(draw: st.DrawFn, model: str) -> tuple[Node, ...]:
    """What follows an order: it must keep what it was given."""
    steps: list[Node] = []
    for number in range(draw(st.integers(1, 2))):
        if draw(st.booleans()):
            steps.append((draw(st.sampled_from(("filter", "exclude"))), draw(conditions(model))))
        else:
            steps.append(("annotate", f"later_{number}", draw(expressions(model))[0]))
    return tuple(steps)


@functools.cache
def paths_only(model: str, *, json: bool = True) -> st.SearchStrategy[str]:
    """Paths that lead to one value a row."""
    found = paths(model, longest=1, many=False)
    return (found if json else found.filter(lambda one: one[1] != "json")).map(lambda one: one[0])


@functools.cache
@st.composite
def _writes(draw: st.DrawFn, model: str) -> Node:
    if draw(st.booleans()):
        return ("delete",)
    plain = sorted(name for name, kind in MODELS[model].fields.items() if kind in VALUES and name != "id")
    name = draw(st.sampled_from(plain))
    kind = MODELS[model].fields[name]
    if kind == "int" and name not in {"pages", "depth", "weight"} and draw(st.booleans()):
        return ("update", name, ("plus", ("f", name), ("value", 1)))
    if draw(st.integers(0, 3)) == 0 and (node := draw(subqueries(model)))[0] == "first_of":
        _, other, key, condition, order, _ = node
        fitting = sorted(field for field, found in MODELS[other].fields.items() if found == kind and field != "id")
        if fitting and name in MODELS[model].nullable:
            return ("update", name, ("first_of", other, key, condition, order, fitting[0]))
    value = draw(VALUES[kind].filter(lambda number: kind != "int" or number >= 0))
    return ("update", name, ("value", value))
