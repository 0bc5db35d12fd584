"""SQL text with elements in it: tokens, placeholders, percent signs."""

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from covet.database.orm.aggregates import Sum
from covet.database.orm.expressions import CombinedExpression, F, Func, Value
from covet.database.orm.expressions.fragments import Assembly, Fragment
from covet.database.orm.lookups import Lookup, Transform
from covet.database.orm.shape import Const, Param


class FakeCompiler:
    """As much of the compiler as expressions without columns need."""

    def __init__(self, vendor="sqlite"):
        self.vendor = vendor
        self.features = None
        self.query = None
        self.using = "default"

    def process(self, expression):
        return expression.as_clause(self)

    def bind(self, slot, field=None):
        value = slot.value if isinstance(slot, Const) else f"slot {slot.index}"
        return sa.bindparam(None, value, type_=sa.types.NULLTYPE)


def sql_of(expression, vendor="sqlite"):
    dialect = {"sqlite": sqlite.dialect(), "postgresql": postgresql.dialect(), "mysql": mysql.dialect()}[vendor]
    compiled = expression.as_clause(FakeCompiler(vendor)).compile(dialect=dialect)
    return str(compiled), [compiled.params[name] for name in compiled.positiontup or ()]


def test_children_are_rendered_where_they_stand():
    assert sql_of(Func(Value("a"), Value("b"), function="F")) == ("F(?, ?)", ["a", "b"])


def test_a_child_used_twice_brings_its_parameter_twice():
    class Twice(Func):
        def as_sql(self, compiler, connection):
            text, params = compiler.compile(self.source_expressions[0])
            return f"{text} || {text}", params

    assert sql_of(Twice(Value("a"))) == ("? || ?", ["a", "a"])


def test_own_parameters_of_as_sql_are_bound():
    class Power(Func):
        def as_sql(self, compiler, connection, **extra):
            return super().as_sql(compiler, connection, template="(%(expressions)s + %%s)")[0], [5]

    assert sql_of(Power(Value(1))) == ("(? + ?)", [1, 5])


def test_doubled_percent_signs_are_one():
    class Modulo(Func):
        def as_sql(self, compiler, connection):
            text, params = compiler.compile(self.source_expressions[0])
            return f"{text} %% 3", params

    assert sql_of(Modulo(Value(7))) == ("? % 3", [7])
    assert sql_of(Modulo(Value(7)), "mysql")[0] == "%s %% 3"


def test_the_databases_own_method_takes_precedence():
    class Spelled(Func):
        function = "EVERYWHERE"

        def as_postgresql(self, compiler, connection, **extra):
            return self.as_sql(compiler, connection, function="THERE", **extra)

    assert sql_of(Spelled(Value(1)))[0] == "EVERYWHERE(?)"
    assert sql_of(Spelled(Value(1)), "postgresql")[0].startswith("THERE(")


def test_keywords_of_as_sql_win_over_the_constructor_and_that_over_the_class():
    class Named(Func):
        function = "CLASS"

    assert sql_of(Named(Value(1)))[0] == "CLASS(?)"
    assert sql_of(Named(Value(1), function="GIVEN"))[0] == "GIVEN(?)"


def test_a_lookup_written_for_django_works():
    class Differs(Lookup):
        lookup_name = "ne"

        def as_sql(self, compiler, connection):
            left, left_params = self.process_lhs(compiler, connection)
            right, right_params = self.process_rhs(compiler, connection)
            return f"{left} <> {right}", left_params + right_params

    assert sql_of(Differs(Value(1), 2)) == ("? <> ?", [1, 2])
    assert sql_of(Differs(Value(1), Param(0))) == ("? <> ?", [1, "slot 0"])


def test_a_transform_written_for_django_works():
    class Doubled(Transform):
        lookup_name = "doubled"
        template = "(2 * %(expressions)s)"

    assert sql_of(Doubled(Value(4))) == ("(2 * ?)", [4])


def test_decimals_are_cast_on_sqlite():
    from decimal import Decimal

    assert sql_of(CombinedExpression(Value(Decimal(1)), "+", Value(Decimal(2))))[0] == (
        "(CAST(((CAST(? AS NUMERIC)) + (CAST(? AS NUMERIC))) AS NUMERIC))"
    )


@pytest.mark.parametrize(("vendor", "text"), [("sqlite", "BITXOR(?,?)"), ("mysql", "%s ^ %s")])
def test_exclusive_or_is_spelled_for_the_database(vendor, text):
    assert sql_of(Value(1).bitxor(2), vendor)[0] == f"({text})"


def test_a_fragment_knows_whether_it_is_in_parentheses():
    assembly = Assembly(FakeCompiler())
    assert assembly.is_parenthesised("(a")
    assert assembly.is_parenthesised(assembly.token(Fragment(("(a + b)",))))
    assert not assembly.is_parenthesised(assembly.token(Fragment(("a + b",))))


def test_unresolved_names_are_not_emitted():
    with pytest.raises(AttributeError):
        Sum(F("a")).as_clause(FakeCompiler())
