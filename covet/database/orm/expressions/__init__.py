"""Expressions: what a query computes from columns and values."""

from covet.database.orm.expressions.base import BaseExpression, Expression, OutputFieldIsNoneError, SQLiteNumericMixin
from covet.database.orm.expressions.case import Case, ExpressionWrapper, NegatedExpression, When
from covet.database.orm.expressions.combinable import Combinable
from covet.database.orm.expressions.combined import (
    CombinedExpression,
    DurationExpression,
    TemporalSubtraction,
    register_combinable_fields,
)
from covet.database.orm.expressions.func import ExpressionList, Func, OrderByList
from covet.database.orm.expressions.ordering import OrderBy
from covet.database.orm.expressions.refs import Col, ColPairs, F, OuterRef, Ref, ResolvedOuterRef, Sliced
from covet.database.orm.expressions.subquery import Exists, Subquery
from covet.database.orm.expressions.values import DatabaseDefault, RawSQL, Star, Value
from covet.database.orm.expressions.window import RowRange, ValueRange, Window, WindowFrame, WindowFrameExclusion

__all__ = [
    "BaseExpression",
    "Case",
    "Col",
    "ColPairs",
    "Combinable",
    "CombinedExpression",
    "DatabaseDefault",
    "DurationExpression",
    "Exists",
    "Expression",
    "ExpressionList",
    "ExpressionWrapper",
    "F",
    "Func",
    "NegatedExpression",
    "OrderBy",
    "OrderByList",
    "OuterRef",
    "OutputFieldIsNoneError",
    "RawSQL",
    "Ref",
    "ResolvedOuterRef",
    "RowRange",
    "SQLiteNumericMixin",
    "Sliced",
    "Star",
    "Subquery",
    "TemporalSubtraction",
    "Value",
    "ValueRange",
    "When",
    "Window",
    "WindowFrame",
    "WindowFrameExclusion",
    "register_combinable_fields",
]
