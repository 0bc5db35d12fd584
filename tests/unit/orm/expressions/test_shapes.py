"""Expressions as keys of plans: values stay out, types and structure stay in."""

import datetime
from decimal import Decimal

import pytest

from covet.database.orm import fields
from covet.database.orm.aggregates import Count, Sum
from covet.database.orm.expressions import Case, Exists, F, Func, OuterRef, RawSQL, Value, When, Window
from covet.database.orm.expressions.window import RowRange
from covet.database.orm.functions import Cast, Coalesce, Rank
from covet.database.orm.query import Q
from covet.database.orm.shape import Const, Param, Unplannable, freeze, shape_of


def key_and_values(expression):
    values = []
    return shape_of(expression, values), values


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (F("a") + 1, F("a") + 2),
        (Q(a=1) | Q(b="x"), Q(a=2) | Q(b="y")),
        (Case(When(a=1, then=Value("x"))), Case(When(a=2, then=Value("y")))),
        (Sum("a", default=0), Sum("a", default=7)),
        (RawSQL("a > %s", (1,)), RawSQL("a > %s", (2,))),
        (Coalesce("a", datetime.date(2020, 1, 1)), Coalesce("a", datetime.date(2021, 1, 1))),
    ],
)
def test_values_are_no_part_of_the_key(first, second):
    assert key_and_values(first)[0] == key_and_values(second)[0]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (F("a") + 1, F("a") - 1),
        (F("a") + 1, F("a") + Decimal(1)),
        (Value(1), Value(True)),
        (Value(None), Value(0)),
        (Q(a=1), Q(a=None)),
        (Q(a=1), ~Q(a=1)),
        (Q(a=1) & Q(b=2), Q(a=1) | Q(b=2)),
        (Count("a"), Count("a", distinct=True)),
        (Count("a"), Count("a", filter=Q(b=1))),
        (Cast("a", fields.CharField(max_length=4)), Cast("a", fields.CharField(max_length=5))),
        (RawSQL("a", ()), RawSQL("b", ())),
        (Window(Rank(), order_by="a"), Window(Rank(), order_by="-a")),
        (Window(Sum("a"), frame=RowRange(start=-1)), Window(Sum("a"), frame=RowRange(start=-2))),
    ],
)
def test_structure_is_part_of_the_key(first, second):
    assert key_and_values(first)[0] != key_and_values(second)[0]


def test_equal_casts_share_a_key_though_each_call_makes_its_own_field():
    first, second = (Cast("a", fields.DecimalField(max_digits=8, decimal_places=2)) for _ in range(2))
    assert key_and_values(first)[0] == key_and_values(second)[0]


def test_freeze_collects_values_in_the_order_of_the_key():
    expression = Case(When(Q(a=1) | Q(b="two"), then=F("c") + 3), default=Value("four"))
    _, values = key_and_values(expression)
    collected = []
    freeze(expression, collected)
    assert values == collected == [1, "two", 3, "four"]


def test_a_frozen_expression_holds_no_value_of_the_caller():
    secret = "a very particular value"
    frozen = freeze(Coalesce("a", Value(secret)), [])
    held = [frozen]
    seen = set()
    while held:
        item = held.pop()
        assert item != secret
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, (list, tuple)):
            held.extend(item)
        elif isinstance(item, dict):
            held.extend(item.values())
        elif hasattr(item, "get_source_expressions"):
            held.append(vars(item))


def test_frozen_none_and_booleans_are_constants():
    assert isinstance(freeze(Value(None), []).value, Const)
    assert isinstance(freeze(Value(True), []).value, Const)
    assert isinstance(freeze(Value(1), []).value, Param)


def test_a_frozen_value_knows_its_type():
    assert type(freeze(Value("x"), []).output_field).__name__ == "CharField"
    assert type(freeze(Value(Decimal("1.5")), []).output_field).__name__ == "DecimalField"


def test_frozen_expressions_of_different_structure_are_not_equal():
    first, second = freeze(Window(Rank()), []), freeze(Window(Sum("a")), [])
    assert first != second
    assert first.copy() != second.copy()


def test_frozen_values_are_equal_only_in_the_same_slot():
    pair = freeze(Func(Value(1), Value(1)), [])
    first, second = pair.source_expressions
    assert first != second
    assert first == first.copy()


def test_expressions_that_inspect_values_are_not_plannable():
    class Inspecting(Func):
        plannable = False

    with pytest.raises(Unplannable):
        key_and_values(Inspecting("a"))


def test_user_defined_attributes_are_structure():
    class Scaled(Func):
        def __init__(self, expression, factor):
            super().__init__(expression)
            self.factor = factor

    assert key_and_values(Scaled("a", 2))[0] != key_and_values(Scaled("a", 3))[0]


def test_outer_references_have_names_as_keys():
    assert key_and_values(OuterRef("a"))[0] == key_and_values(OuterRef("a"))[0]
    assert key_and_values(OuterRef("a"))[0] != key_and_values(OuterRef(OuterRef("a")))[0]
    assert Exists.template == "EXISTS(%(subquery)s)"
