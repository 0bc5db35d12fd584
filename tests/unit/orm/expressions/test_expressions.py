"""Expressions before a query: operators, equality, types, errors."""

import datetime
from decimal import Decimal

import pytest

from covet.database.orm import fields
from covet.database.orm.aggregates import Aggregate, Avg, Count, Max
from covet.database.orm.expressions import (
    Case,
    CombinedExpression,
    ExpressionWrapper,
    F,
    Func,
    OrderBy,
    RowRange,
    Value,
    When,
    Window,
)
from covet.database.orm.functions import Concat, Lag, Left, Lower, NthValue, Substr
from covet.database.orm.query import Q
from covet.exceptions import FieldError


def test_f_combines_with_numbers_from_both_sides():
    assert str(F("a") + 1) == "F(a) + Value(1)"
    assert str(1 - F("a")) == "Value(1) - F(a)"
    assert str(-F("a")) == "F(a) * Value(-1)"


def test_bits_are_not_combined_by_logical_operators():
    with pytest.raises(NotImplementedError, match=r"Use \.bitand\(\), \.bitor\(\), and \.bitxor\(\)"):
        F("a") & 1
    assert F("a").bitand(1).connector == "&"


def test_slices_of_f_are_checked():
    assert repr(F("name")[1:3]) == "Sliced(F(name), slice(1, 3, None))"
    with pytest.raises(ValueError, match=r"^Negative indexing is not supported\.$"):
        F("name")[-1]
    with pytest.raises(ValueError, match=r"^Step argument is not supported\.$"):
        F("name")[0:4:2]
    with pytest.raises(ValueError, match=r"^Slice stop must be greater than slice start\.$"):
        F("name")[5:2]
    with pytest.raises(TypeError, match=r"^Argument to slice must be either int or slice instance\.$"):
        F("name")["x"]


def test_membership_in_f_is_refused():
    with pytest.raises(TypeError, match=r"^argument of type 'F' is not iterable$"):
        "a" in F("name")  # noqa: B015


@pytest.mark.parametrize(
    ("left", "connector", "right", "kind"),
    [
        (fields.IntegerField(), "+", fields.IntegerField(), "IntegerField"),
        (fields.IntegerField(), "*", fields.DecimalField(), "DecimalField"),
        (fields.FloatField(), "/", fields.IntegerField(), "FloatField"),
        (fields.PositiveIntegerField(), "+", fields.PositiveIntegerField(), "PositiveIntegerField"),
        (fields.PositiveIntegerField(), "-", fields.PositiveIntegerField(), "IntegerField"),
        (fields.DateField(), "-", fields.DateField(), "DurationField"),
        (fields.DateField(), "+", fields.DurationField(), "DateTimeField"),
        (fields.TimeField(), "-", fields.DurationField(), "TimeField"),
    ],
)
def test_the_type_of_arithmetic(left, connector, right, kind):
    combined = CombinedExpression(ExpressionWrapper(Value(1), left), connector, ExpressionWrapper(Value(1), right))
    assert type(combined.output_field).__name__ == kind


def test_arithmetic_without_a_known_type_says_what_to_do():
    combined = CombinedExpression(Value("a"), "+", Value(1))
    message = (
        "Cannot infer type of '+' expression involving these types: CharField, IntegerField. You must set output_field."
    )
    with pytest.raises(FieldError, match=message.replace("+", r"\+")):
        combined.output_field


def test_mixed_sources_say_what_to_do():
    with pytest.raises(
        FieldError,
        match=r"^Expression contains mixed types: CharField, IntegerField\. You must set output_field\.$",
    ):
        Func(Value("a"), Value(1)).output_field


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("a", "CharField"),
        (True, "BooleanField"),
        (1, "IntegerField"),
        (1.5, "FloatField"),
        (Decimal(1), "DecimalField"),
        (datetime.datetime(2020, 1, 1), "DateTimeField"),
        (datetime.date(2020, 1, 1), "DateField"),
        (datetime.time(1), "TimeField"),
        (datetime.timedelta(1), "DurationField"),
    ],
)
def test_a_value_has_the_field_of_its_type(value, kind):
    assert type(Value(value).output_field).__name__ == kind


def test_equality_is_structural():
    assert Lower("a") == Lower("a")
    assert Lower("a") != Lower("b")
    assert hash(Coalesced := Concat("a", Value("b"))) == hash(Concat("a", Value("b")))
    assert Coalesced in {Concat("a", Value("b"))}


def test_func_refuses_a_wrong_number_of_arguments():
    with pytest.raises(TypeError, match=r"^'Left' takes exactly 2 arguments \(1 given\)$"):
        Func.__init__(Left.__new__(Left), "a")


def test_func_shows_its_options():
    assert repr(Func("a", function="F", template="x")) == "Func(F(a), function=F, template=x)"
    assert repr(Count("a", distinct=True)) == "Count(F(a), distinct=True)"


def test_order_by_refuses_both_ends_for_nulls():
    with pytest.raises(ValueError, match=r"^nulls_first and nulls_last are mutually exclusive$"):
        OrderBy(F("a"), nulls_first=True, nulls_last=True)
    with pytest.raises(ValueError, match=r"^nulls_first and nulls_last values must be True or None\.$"):
        OrderBy(F("a"), nulls_first=False)


def test_reversing_an_order_moves_nulls_to_the_other_end():
    order = F("a").asc(nulls_last=True).reverse_ordering()
    assert (order.descending, order.nulls_first, order.nulls_last) == (True, True, None)


def test_when_needs_a_condition():
    message = r"^When\(\) supports a Q object, a boolean expression, or lookups as a condition\.$"
    with pytest.raises(TypeError, match=message):
        When("a", then=1)
    with pytest.raises(ValueError, match=r"^An empty Q\(\) can't be used as a When\(\) condition\.$"):
        When(Q(), then=1)
    with pytest.raises(TypeError, match=r"^Positional arguments must all be When objects\.$"):
        Case(1)


def test_window_needs_a_window_function():
    with pytest.raises(ValueError, match=r"^Expression 'Lower' isn't compatible with OVER clauses\.$"):
        Window(Lower("a"))
    with pytest.raises(ValueError, match=r"^Window\.order_by must be either a string reference to a field"):
        Window(Max("a"), order_by=1)


def test_window_functions_check_their_numbers():
    with pytest.raises(ValueError, match=r"^Lag requires a positive integer for the offset\.$"):
        Lag("a", offset=0)
    with pytest.raises(ValueError, match=r"^NthValue requires a positive integer as for nth\.$"):
        NthValue("a", nth=0)


def test_a_frame_reads_like_sql():
    assert str(RowRange(start=-1, end=0)) == "ROWS BETWEEN 1 PRECEDING AND CURRENT ROW"
    assert str(RowRange()) == "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"


def test_text_functions_check_positions():
    with pytest.raises(ValueError, match=r"^'pos' must be greater than 0$"):
        Substr("a", 0)
    with pytest.raises(ValueError, match=r"^'length' must be greater than 0\.$"):
        Left("a", 0)
    with pytest.raises(ValueError, match=r"^Concat must take at least two expressions$"):
        Concat("a")


def test_aggregates_refuse_options_without_meaning():
    with pytest.raises(TypeError, match=r"^Max does not allow distinct\.$"):
        Max("a", distinct=True)
    with pytest.raises(TypeError, match=r"^Count does not allow default\.$"):
        Count("a", default=0)
    with pytest.raises(ValueError, match=r"^Star cannot be used with filter\. Please specify a field\.$"):
        Count("*", filter=Q(a=1))


def test_an_aggregate_names_itself_only_over_one_field():
    assert Avg("a").default_alias == "a__avg"
    with pytest.raises(TypeError, match=r"^Complex expressions require an alias$"):
        Avg(F("a") + F("b")).default_alias
    assert issubclass(Avg, Aggregate)


def test_deconstruct_gives_what_makes_an_equal_expression():
    path, args, kwargs = Value(1, output_field=fields.IntegerField()).deconstruct()
    assert (path, args, list(kwargs)) == ("covet.database.orm.Value", (1,), ["output_field"])
    path, args, kwargs = Q(a=1, b=2, _connector="OR").deconstruct()
    assert (path, args, kwargs) == ("covet.database.orm.Q", (("a", 1), ("b", 2)), {"_connector": "OR"})
