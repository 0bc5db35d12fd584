"""Values in pages: both twins show the same."""

from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup, escape

from covet._speedups import _pages_py, select

twins = pytest.mark.parametrize("twin", [_pages_py, select("pages")], ids=lambda twin: twin.__name__)
PLAIN = frozenset({str, int})


class Word(str):
    __slots__ = ()


class Thing:
    name = "a <thing>"
    promised = (1, 2)

    @property
    def broken(self) -> str:
        raise AttributeError("inside")

    @property
    def failing(self) -> str:
        raise ValueError("inside")


def absent(environment: Any, obj: Any, attribute: str) -> Any:
    return (environment, type(obj).__name__, attribute)


class Environment:
    def __init__(self, read: Any) -> None:
        type(self).getattr = read

    getattr: Any


VALUES = st.text() | st.integers() | st.booleans() | st.none() | st.floats()


@twins
@given(value=VALUES | st.text().map(Word) | st.text().map(Markup))
def test_values_are_escaped_as_markupsafe_does(twin: ModuleType, value: Any) -> None:
    assert twin.escaping(escape, escape)(value) == escape(value)


@twins
def test_plain_text_and_numbers_have_ways_of_their_own(twin: ModuleType) -> None:
    escaped = twin.escaping(lambda text: f"text {text}", lambda value: f"other {value}")
    assert [escaped("a"), escaped(1), escaped(True), escaped(Word("b"))] == ["text a", "1", "other True", "other b"]


@twins
def test_attributes_are_read_waited_for_and_missed(twin: ModuleType) -> None:
    environment = Environment(twin.reading(PLAIN, absent, lambda value: ["waited", value]))
    assert environment.getattr(Thing(), "name") == "a <thing>"
    assert environment.getattr(Thing(), "promised") == ["waited", (1, 2)]
    for attribute in ("other", "broken"):
        assert environment.getattr(Thing(), attribute) == ["waited", (environment, "Thing", attribute)]
    with pytest.raises(ValueError, match="inside"):
        environment.getattr(Thing(), "failing")
