"""Rows to plain values: both twins do the same to the same rows."""

from collections import namedtuple
from operator import itemgetter
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covet._speedups import _rows_py, select

twins = pytest.mark.parametrize("twin", [_rows_py, select("rows")], ids=lambda twin: twin.__name__)
ROWS = st.lists(st.tuples(st.integers(), st.text(), st.none() | st.floats(allow_nan=False)), max_size=20)
Pair = namedtuple("Pair", ["first", "second"])


@twins
@given(rows=ROWS, width=st.integers(0, 3))
def test_the_first_columns_become_tuples(twin: ModuleType, rows: list[Any], width: int) -> None:
    wanted = [row[:width] for row in rows]
    assert twin.tuples(rows, width) == wanted
    assert twin.tuples(iter(map(list, rows)), width) == wanted


@twins
@given(rows=ROWS)
def test_rows_become_named_tuples_dictionaries_and_values(twin: ModuleType, rows: list[Any]) -> None:
    pairs = twin.named(rows, Pair, 2)
    assert pairs == [Pair(*row[:2]) for row in rows]
    assert all(type(pair) is Pair for pair in pairs)
    assert [pair._asdict() for pair in pairs] == [{"first": row[0], "second": row[1]} for row in rows]
    assert twin.dicts(rows, ("a", "b", "c")) == [dict(zip("abc", row, strict=True)) for row in rows]
    assert [list(made) for made in twin.dicts(rows, ("b", "a"))] == [["b", "a"]] * len(rows)
    assert twin.firsts(rows) == [row[0] for row in rows]


@twins
@given(rows=st.lists(st.tuples(st.integers(0, 3), st.text())))
def test_groups_keep_the_order_of_their_members(twin: ModuleType, rows: list[Any]) -> None:
    found = twin.by_key(rows, itemgetter(0))
    assert list(found) == list(dict.fromkeys(key for key, _ in rows))
    assert all(members == [row for row in rows if row[0] == key] for key, members in found.items())


@twins
def test_what_does_not_fit_is_refused(twin: ModuleType) -> None:
    with pytest.raises(IndexError):
        twin.tuples([(1,)], 2)
    with pytest.raises(TypeError, match="a row class is a tuple, not dict"):
        twin.named([(1, 2)], dict, 2)
    with pytest.raises(ZeroDivisionError):
        twin.by_key([1], lambda _: 1 / 0)
    with pytest.raises(TypeError):
        twin.by_key([1], lambda _: [])
