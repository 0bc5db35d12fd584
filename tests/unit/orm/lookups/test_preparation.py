"""What happens to a value on its way into a lookup."""

import datetime

import pytest

from covet.database.orm import fields
from covet.database.orm.expressions.refs import Col
from covet.database.orm.lookups import GreaterThanOrEqual, In, IntegerFieldExact, IntegerGreaterThan, Lookup
from covet.database.orm.lookups.comparison import IntegerGreaterThanOrEqual, WithinRange
from covet.database.orm.lookups.json import compile_json_path
from covet.database.orm.lookups.json_documents import PathBelow
from covet.database.orm.lookups.temporal import bound
from covet.database.orm.lookups.text import escape_like, pattern_of
from covet.database.orm.shape import Const, EmptyResult, FullResult, ListParam, Param


def column(field):
    field.set_attributes_from_name("x") if hasattr(field, "set_attributes_from_name") else None
    return Col("t", field)


def test_a_slot_is_prepared_when_it_is_bound():
    lookup = IntegerFieldExact(column(fields.IntegerField()), Param(0))
    assert lookup.rhs.bind("12") == 12


def test_every_item_of_a_list_is_prepared():
    lookup = In(column(fields.IntegerField()), ListParam(0))
    assert lookup.rhs.bind(["1", 2]) == [1, 2]


def test_a_float_is_rounded_up_where_an_integer_is_compared():
    lookup = IntegerGreaterThanOrEqual(column(fields.IntegerField()), Param(0))
    assert lookup.rhs.bind(1.2) == 2
    assert GreaterThanOrEqual(column(fields.FloatField()), Param(0)).rhs.bind(1.2) == 1.2


def test_an_integer_out_of_range_matches_nothing_or_everything():
    check = WithinRange((-10, 10), IntegerGreaterThan.underflow, IntegerGreaterThan.overflow)
    assert check(5) == 5
    with pytest.raises(FullResult):
        check(-11)
    with pytest.raises(EmptyResult):
        check(11)


@pytest.mark.parametrize(("text", "escaped"), [("50%", r"50\%"), ("a_b", r"a\_b"), ("a\\b", "a\\\\b"), (5, "5")])
def test_wildcards_stand_for_themselves(text, escaped):
    assert escape_like(text) == escaped
    assert pattern_of("%%%s%%")(text) == f"%{escaped}%"


def test_patterns_of_one_template_are_one_object():
    assert pattern_of("%s%%") is pattern_of("%s%%")


def test_a_year_becomes_its_bounds():
    assert bound(last=False, moment=False, iso=False)(2020) == datetime.date(2020, 1, 1)
    assert bound(last=True, moment=False, iso=False)(2020) == datetime.date(2020, 12, 31)
    assert bound(last=False, moment=False, iso=True)(2020) == datetime.date(2019, 12, 30)
    assert bound(last=True, moment=False, iso=True)(2020) == datetime.date(2021, 1, 3)


def test_a_lookups_own_preparation_runs_when_the_value_is_known():
    class Shouted(Lookup):
        lookup_name = "shouted"

        def get_prep_lookup(self):
            return self.rhs.upper()

    lookup = Shouted(column(fields.CharField()), Param(0))
    assert isinstance(lookup.rhs, Param)
    assert lookup.rhs.bind("abc") == "ABC"


def test_constants_are_prepared_at_once():
    lookup = IntegerFieldExact(column(fields.IntegerField()), Const(True))
    assert lookup.rhs.value == 1


def test_json_paths():
    assert compile_json_path(["a", "0", "b c"]) == '$."a"[0]."b c"'
    assert PathBelow("$", positions=False)("0") == '$."0"'
    assert PathBelow("$", positions=True)("0") == "$[0]"
    assert PathBelow("$", positions=False)('a"b') == '$."a\\"b"'
