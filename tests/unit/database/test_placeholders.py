"""`$1` and `%s` become the driver's placeholders; values never enter the text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covet.database.adapters.placeholders import DOLLAR, FORMAT, QMARK, arrange, translate
from covet.exceptions import ProgrammingError


@pytest.mark.parametrize(
    ("sql", "style", "written", "order"),
    [
        ("a = $1", DOLLAR, "a = $1", None),
        ("a = $1", QMARK, "a = ?", None),
        ("a = $1", FORMAT, "a = %s", None),
        ("a = %s AND b = %s", DOLLAR, "a = $1 AND b = $2", None),
        ("a = %s", QMARK, "a = ?", None),
        ("a = %s", FORMAT, "a = %s", None),
        ("a = $2 AND b = $1", QMARK, "a = ? AND b = ?", (1, 0)),
        ("a = $1 OR b = $1", QMARK, "a = ? OR b = ?", (0, 0)),
        ("a LIKE '50%' AND b = $1", FORMAT, "a LIKE '50%%' AND b = %s", None),
        ("a LIKE '50%%' AND b = %s", DOLLAR, "a LIKE '50%' AND b = $1", None),
        ("a LIKE '50%%' AND b = %s", FORMAT, "a LIKE '50%%' AND b = %s", None),
        ("a = '%s' AND b = $1", QMARK, "a = '%s' AND b = ?", None),
        ("a = '$1' AND b = %s", DOLLAR, "a = '$1' AND b = $1", None),
        ("a = 'it''s $1' AND b = $1", QMARK, "a = 'it''s $1' AND b = ?", None),
        ("a = E'\\'$1' AND b = $1", QMARK, "a = E'\\'$1' AND b = ?", None),
        ('"$1" = $1', QMARK, '"$1" = ?', None),
        ("`%s` = %s", QMARK, "`%s` = ?", None),
        ("a = $1 -- $2", QMARK, "a = ? -- $2", None),
        ("a = $1 /* $2 */", QMARK, "a = ? /* $2 */", None),
        ("a = $$ $1 $$ AND b = $1", QMARK, "a = $$ $1 $$ AND b = ?", None),
        ("a = $x$ $1 $x$ AND b = $1", QMARK, "a = $x$ $1 $x$ AND b = ?", None),
        ("a = $1::int", DOLLAR, "a = $1::int", None),
        ("a$1 = $1", QMARK, "a$1 = ?", None),
    ],
)
def test_placeholders_are_translated(sql, style, written, order):
    assert translate(sql, style) == (written, order)


def test_arguments_follow_their_placeholders():
    assert arrange("a = $2 AND b = $1 AND c = $2", ("x", "y"), QMARK) == ("a = ? AND b = ? AND c = ?", ("y", "x", "y"))


def test_mixing_both_is_refused():
    with pytest.raises(ProgrammingError, match=r"use either \$1 or %s placeholders in one statement, not both"):
        translate("a = $1 AND b = %s", DOLLAR)


def test_a_placeholder_without_an_argument_is_refused():
    with pytest.raises(ProgrammingError, match="the statement needs 2 arguments, 1 given"):
        arrange("a = $2 AND b = $1", ("x",), QMARK)


@given(st.text(alphabet="a'\"`$%1s-/* \n", max_size=40), st.sampled_from([DOLLAR, QMARK, FORMAT]))
def test_any_text_is_translated_or_refused(sql, style):
    try:
        written, order = translate(sql, style)
    except ProgrammingError:
        return
    assert isinstance(written, str)
    assert order is None or all(index >= -1 for index in order)
