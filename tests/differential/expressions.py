"""What random QuerySets are made of, as plain data: paths, conditions, values computed from rows, aggregates.

Every node is a tuple whose first item names it; `interpreter` gives it its meaning.
"""

from __future__ import annotations

import datetime as dt
import functools
import uuid
from decimal import Decimal
from typing import Any, Final

from hypothesis import strategies as st

from tests.differential.catalog import MODELS

Node = tuple[Any, ...]

WORDS: Final = ("", "a", "A", "ab", "Ab", "abc", "b", "B%", "b_c", "c\\d", "été", "E", "zz", "x y", "'q'")
TOKENS: Final = tuple(uuid.UUID(int=number * 0x1111) for number in range(1, 6))
ORDERED: Final = ("exact", "gt", "gte", "lt", "lte")
TEXTUAL: Final = (
    "exact iexact contains icontains startswith istartswith endswith iendswith gt lte regex iregex"
).split()
DATE_PARTS: Final = {
    "year": (1990, 2024),
    "month": (1, 12),
    "day": (1, 31),
    "week_day": (1, 7),
    "iso_week_day": (1, 7),
    "quarter": (1, 4),
    "week": (1, 53),
    "iso_year": (1990, 2024),
}
TIME_PARTS: Final = {"hour": (0, 23), "minute": (0, 59), "second": (0, 59)}
NUMBERS: Final = frozenset({"int", "float", "decimal"})

DOCUMENTS: Final[tuple[Any, ...]] = (
    {},
    {"a": 1},
    {"a": "x", "b": [1, 2]},
    {"a": None},
    [1, "two"],
    "word",
    7,
    True,
)
VALUES: Final[dict[str, st.SearchStrategy[Any]]] = {
    "int": st.integers(-3, 12),
    "str": st.sampled_from(WORDS),
    "text": st.sampled_from(WORDS),
    "float": st.sampled_from((-1.5, 0.0, 0.25, 1.0, 2.5, 100.0)),
    "decimal": st.sampled_from(tuple(map(Decimal, ("0.00", "0.50", "1.00", "9.99", "10.00", "123.45")))),
    "bool": st.booleans(),
    "maybe": st.booleans(),
    "date": st.sampled_from(
        tuple(dt.date(year, month, day) for year in (1999, 2020) for month, day in ((1, 1), (2, 28), (12, 31)))
    ),
    "datetime": st.sampled_from(
        tuple(dt.datetime(year, 3, 31, hour, 59, 7) for year in (2001, 2020) for hour in (0, 12, 23))
    ),
    "duration": st.sampled_from((dt.timedelta(0), dt.timedelta(hours=5), dt.timedelta(days=2, microseconds=7))),
    "uuid": st.sampled_from(TOKENS),
    "json": st.sampled_from(DOCUMENTS),
}


@functools.cache
@st.composite
def paths(draw: st.DrawFn, model: str, *, longest: int = 2, many: bool = True) -> tuple[str, str]:
    """A lookup path from `model` to a field, and the field's kind."""
    names: list[str] = []
    for _ in range(draw(st.integers(0, longest))):
        described = MODELS[model]
        relations = {**described.forward, **(described.many if many else {})}
        if model == "Author":
            relations["profile"] = "Profile"
        if not relations:
            break
        name = draw(st.sampled_from(sorted(relations)))
        names.append(name)
        model = relations[name]
    field = draw(st.sampled_from(sorted(MODELS[model].fields)))
    return "__".join((*names, field)), MODELS[model].fields[field]


@functools.cache
@st.composite
def conditions(draw: st.DrawFn, model: str) -> Node:
    """One lookup: `("is", path__lookup, value)`."""
    path, kind = draw(paths(model))
    if draw(st.integers(0, 9)) == 0:
        return ("is", f"{path}__isnull", draw(st.booleans()))
    value = VALUES[kind]
    if kind in {"bool", "maybe", "uuid", "duration"}:
        lookups = ["exact", "in"] if kind != "duration" else list(ORDERED)
        lookup = draw(st.sampled_from(lookups))
    elif kind in {"str", "text"}:
        lookup = draw(st.sampled_from((*TEXTUAL, "in")))
    elif kind == "json":
        return draw(_json_conditions(path))
    elif kind in {"date", "datetime"} and draw(st.booleans()):
        return draw(_date_conditions(path, kind))
    else:
        lookup = draw(st.sampled_from((*ORDERED, "in", "range")))
    if lookup == "in":
        return ("is", f"{path}__in", tuple(draw(st.lists(value, max_size=3))))
    if lookup == "range":
        return ("is", f"{path}__range", (draw(value), draw(value)))
    if lookup in {"regex", "iregex"}:
        return ("is", f"{path}__{lookup}", draw(st.sampled_from(("^a", "b", "[bc]", "c$", "^$"))))
    return ("is", path if lookup == "exact" and draw(st.booleans()) else f"{path}__{lookup}", draw(value))


@functools.cache
@st.composite
def _date_conditions(draw: st.DrawFn, path: str, kind: str) -> Node:
    parts = DATE_PARTS if kind == "date" or draw(st.booleans()) else TIME_PARTS
    part = draw(st.sampled_from(sorted(parts)))
    lookup = draw(st.sampled_from(("", "__gt", "__lte")))
    return ("is", f"{path}__{part}{lookup}", draw(st.integers(*parts[part])))


@functools.cache
@st.composite
def _json_conditions(draw: st.DrawFn, path: str) -> Node:
    choice = draw(st.integers(0, 3))
    if choice == 0:
        return ("is", f"{path}__has_key", draw(st.sampled_from(("a", "b", "z"))))
    if choice == 1:
        return ("is", f"{path}__a", draw(st.sampled_from((1, "x", None))))
    if choice == 2:
        return ("is", f"{path}__a__isnull", draw(st.booleans()))
    return ("is", f"{path}__b__0", 1)


@functools.cache
@st.composite
def comparisons(draw: st.DrawFn, model: str) -> Node:
    """A lookup whose right side is a column of the same row."""
    numeric = sorted(name for name, kind in MODELS[model].fields.items() if kind == "int")
    left, right = draw(st.sampled_from(numeric)), draw(st.sampled_from(numeric))
    lookup = draw(st.sampled_from(("exact", "gt", "lte")))
    return ("is", f"{left}__{lookup}", ("plus", ("f", right), ("value", draw(st.integers(-2, 2)))))


@functools.cache
@st.composite
def existences(draw: st.DrawFn, model: str) -> Node:
    """`Exists(...)` over the rows that point at this one."""
    keys = pointing(model)
    if not keys:
        return draw(conditions(model))
    other, key = draw(st.sampled_from(keys))
    return ("exists", other, key, draw(conditions(other)))


@functools.cache
def trees(model: str) -> st.SearchStrategy[Node]:
    """Conditions joined by and, or, xor, not."""
    leaf = st.one_of(conditions(model), conditions(model), conditions(model), comparisons(model), existences(model))
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.tuples(st.sampled_from(("and", "or", "and", "or", "xor")), inner, inner),
            st.tuples(st.just("not"), inner),
        ),
        max_leaves=4,
    )


@functools.cache
@st.composite
def expressions(draw: st.DrawFn, model: str) -> tuple[Node, str]:
    """A value computed from one row, and its kind."""
    path, kind = draw(paths(model, longest=1, many=False))
    column = ("f", path)
    if kind == "str" and draw(st.integers(0, 3)) == 0:
        # With the text of a TextField these have two types, which Django notices in some places and not in others.
        return draw(
            st.sampled_from(
                (
                    (("call", "Concat", column, ("value", "-"), column), "str"),
                    (("call", "Coalesce", column, ("value", "none")), "str"),
                )
            )
        )
    if kind in {"str", "text"}:
        return draw(
            st.sampled_from(
                (
                    (("call", "Lower", column), "str"),
                    (("call", "Upper", column), "str"),
                    (("call", "Length", column), "int"),
                    (("call", "Substr", column, ("value", 1), ("value", 2)), "str"),
                    (("call", "Left", column, ("value", 1)), "str"),
                    (("call", "Trim", column), "str"),
                    (("call", "Reverse", column), "str"),
                    (("call", "StrIndex", column, ("value", "b")), "int"),
                )
            )
        )
    if kind == "int":
        number = ("value", draw(st.integers(1, 3)))
        return draw(
            st.sampled_from(
                (
                    (("plus", column, number), "int"),
                    (("minus", column, number), "int"),
                    (("times", column, number), "int"),
                    (("mod", column, number), "int"),
                    (("call", "Abs", column), "int"),
                    (("call", "Coalesce", column, number), "int"),
                    (("call", "NullIf", column, number), "int"),
                    (("call", "Greatest", column, ("f", "id")), "int"),
                )
            )
        )
    if kind in {"date", "datetime"}:
        return draw(
            st.sampled_from(
                (
                    (("call", "ExtractYear", column), "int"),
                    (("call", "ExtractMonth", column), "int"),
                    (("call", "ExtractWeekDay", column), "int"),
                    (("call", "TruncMonth", column), kind),
                    (("call", "TruncYear", column), kind),
                    (("call", "TruncWeek", column), kind),
                )
            )
        )
    condition = draw(trees(model))
    if _is_multiple(condition):
        condition = ("is", "id__gt", 3)
    return ("case", condition, ("value", draw(st.integers(0, 2))), ("value", 9)), "int"


def _is_multiple(node: Any) -> bool:
    """Whether a condition walks to several rows: such a Case would repeat rows in no fixed order."""
    if not isinstance(node, tuple):
        return False
    if node and node[0] == "is":
        return any(part in _MANY for part in node[1].split("__"))
    return any(_is_multiple(item) for item in node)


_MANY: Final = frozenset(name for described in MODELS.values() for name in described.many)


@functools.cache
@st.composite
def aggregates(draw: st.DrawFn, model: str) -> Node:
    """`("aggregate", name, path, distinct, condition)` over related rows."""
    many = sorted(MODELS[model].many)
    relation = draw(st.sampled_from(many)) if many else ""
    target = MODELS[model].many[relation] if relation else model
    prefix = f"{relation}__" if relation else ""
    name = draw(st.sampled_from(("Count", "Count", "Sum", "Avg", "Min", "Max")))
    fields = MODELS[target].fields
    fitting = sorted(field for field, kind in fields.items() if name == "Count" or kind == "int")
    path = prefix + draw(st.sampled_from(fitting))
    condition = None
    if draw(st.integers(0, 3)) == 0:
        condition = ("is", f"{prefix}id__lte", draw(st.integers(0, 8)))
    distinct = name in {"Count", "Sum", "Avg"} and draw(st.booleans())
    return ("aggregate", name, path, distinct, condition)


@functools.cache
@st.composite
def windows(draw: st.DrawFn, model: str) -> Node:
    """`("window", function, arguments, partition)`, over the rows in order of their keys."""
    fields = MODELS[model].fields
    numbers = sorted(name for name, kind in fields.items() if kind == "int")
    parts = sorted(name for name, kind in fields.items() if kind not in {"json", "float"} and name != "id")
    function = draw(st.sampled_from(("RowNumber", "Rank", "Lag", "Lead", "FirstValue", "Sum", "Count", "Ntile")))
    arguments: tuple[Node, ...] = ()
    if function == "Ntile":
        arguments = (("value", draw(st.integers(1, 3))),)
    elif function not in {"RowNumber", "Rank"}:
        arguments = (("f", draw(st.sampled_from(numbers))),)
    return ("window", function, arguments, draw(st.none() | st.sampled_from(parts)))


@functools.cache
def pointing(model: str) -> list[tuple[str, str]]:
    """The models, and their foreign keys, that point at `model`."""
    return sorted(
        (other, name)
        for other, described in MODELS.items()
        for name, target in described.forward.items()
        if target == model
    )


@functools.cache
@st.composite
def subqueries(draw: st.DrawFn, model: str) -> Node:
    """`("first_of", model, key, condition, order, field)`: one value of the first row that points at this one."""
    keys = pointing(model)
    if not keys:
        return draw(expressions(model))[0]
    other, key = draw(st.sampled_from(keys))
    field = draw(st.sampled_from(sorted(name for name, kind in MODELS[other].fields.items() if kind != "json")))
    return ("first_of", other, key, draw(conditions(other)), draw(st.sampled_from(("pk", "-pk"))), field)


@functools.cache
def computed(model: str) -> st.SearchStrategy[Node]:
    """Whatever `annotate()` takes."""
    plain = expressions(model).map(lambda found: found[0])
    return st.one_of(aggregates(model), plain, windows(model), subqueries(model))
