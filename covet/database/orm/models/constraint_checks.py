"""How Meta.constraints are checked for one instance: conditions and duplicates, asked of the database.

Fills in what the floors of constraints and conditions declare; models import it.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from covet.database.connections import connections
from covet.database.orm.compiler.binding import binder_of
from covet.database.orm.compiler.emitter import Emitter
from covet.database.orm.compiler.query import Query
from covet.database.orm.constraints import CheckConstraint, ExclusionConstraint, UniqueConstraint, Validation
from covet.database.orm.expressions.late import late
from covet.database.orm.expressions.refs import F
from covet.database.orm.expressions.values import Value
from covet.database.orm.fields.generated import referenced_names
from covet.database.orm.lookups.base import PostgresOperatorLookup
from covet.database.orm.lookups.comparison import Exact, IsNull
from covet.database.orm.query import Q
from covet.database.orm.shape import EmptyResult, FullResult, freeze
from covet.exceptions import (
    DatabaseError,
    EmptyResultSet,
    FieldError,
    FullResultSet,
    ValidationError,
)

logger = logging.getLogger("covet.database.orm")

Excluded = Collection[str] | None


class _Values(Query):
    """A query without a table: every name is one of the given values."""

    def get_meta(self) -> Any:
        """No model."""
        return None

    def get_initial_alias(self) -> str:
        """No table.

        Raises:
            FieldError: always: a name that is none of the values was used.
        """
        raise FieldError("The condition refers to a column that is not among the values")


async def check_condition(condition: Any, against: dict[str, Any], using: str = "default") -> bool:
    """Whether the condition holds for the values, or is unknown (NULL); True too when the database fails.

    Args:
        condition: a Q or a conditional expression.
        against: values or expressions by name.
        using: the database alias.

    Raises:
        FieldError: a name in the condition is not among the values.
    """
    adapter = connections[using]
    values: list[Any] = []
    query = _Values(None, vendor=adapter.vendor)
    for name, value in against.items():
        expression = value if hasattr(value, "resolve_expression") else Value(value)
        query.annotations[name] = freeze(expression, values).resolve_expression(query)
    frozen = freeze(condition if isinstance(condition, Q) else Q(condition), values)
    try:
        where, _needed = query.build_q(frozen, None)
        emitter = Emitter(query, adapter)
        emitter.values = values
        element = emitter.process(where)
        statement = sa.select(sa.func.coalesce(element, sa.true()))
        binder = binder_of(statement.compile(dialect=adapter.dialect), emitter.slots, adapter.dialect)
        sql, arguments = binder.statement(values)
    except (EmptyResultSet, EmptyResult):
        return False
    except (FullResultSet, FullResult):
        return True
    try:
        rows = await adapter.run(sql, arguments)
    except DatabaseError as error:
        logger.warning("Got a database error calling check() on %r: %s", condition, error)
        return True
    return bool(rows[0][0])


def _refers_to(model: Any, expression: Any, excluded: Excluded) -> bool:
    """Whether an excluded field takes part in the expression, a generated field's own sources included."""
    if not excluded:
        return False
    fields = {field.name: field for field in model._meta.local_concrete_fields}
    for name in referenced_names(expression):
        if name in excluded:
            return True
        name = model._meta.pk.name if name == "pk" else name
        if name in excluded:
            return True
        field = fields.get(name)
        if field is not None and field.generated and _refers_to(model, field.expression, excluded):
            return True
    return False


def _replacements(model: Any, instance: Any, exclude: Excluded) -> dict[Any, Any]:
    known = instance._get_field_expression_map(model._meta, exclude=exclude)  # noqa: SLF001 - a part of Model
    return {F(name): value for name, value in known.items()}


def _others(model: Any, instance: Any, rows: Any) -> Any:
    if not instance._state.adding and instance._is_pk_set(model._meta):
        return rows.exclude(pk=instance._get_pk_val(model._meta))
    return rows


async def _check(constraint: CheckConstraint, model: Any, instance: Any, exclude: Excluded, using: str | None) -> None:
    if _refers_to(model, constraint.condition, exclude):
        return
    against = instance._get_field_expression_map(model._meta, exclude=exclude)  # noqa: SLF001 - a part of Model
    try:
        holds = await check_condition(constraint.condition, against, using or "default")
    except FieldError:
        return
    if not holds:
        raise constraint.violated()


async def _unique(
    constraint: UniqueConstraint, model: Any, instance: Any, exclude: Excluded, using: str | None
) -> None:
    rows = model._default_manager.using(using or "default")
    if constraint.fields:
        found = _field_conditions(constraint, model, instance, exclude)
    else:
        found = _expression_conditions(constraint, model, instance, exclude)
    if found is None:
        return
    arguments, lookups = found
    rows = _others(model, instance, rows.filter(*arguments, **lookups))
    if constraint.condition is None:
        if not await rows.exists():
            return
        if constraint.fields and constraint.violation_error_message == constraint.default_violation_error_message:
            error = instance.unique_error_message(model, constraint.fields)
            if constraint.violation_error_code is not None:
                error.code = constraint.violation_error_code
            raise ValidationError(error)
        raise constraint.violated()
    await _where_condition(constraint, model, instance, exclude, using, rows)


async def _where_condition(
    constraint: Any, model: Any, instance: Any, exclude: Excluded, using: str | None, rows: Any
) -> None:
    """A constraint over some rows only: is this instance one of them, and another too?"""
    if _refers_to(model, constraint.condition, exclude):
        return
    against = instance._get_field_expression_map(model._meta, exclude=exclude)  # noqa: SLF001 - a part of Model
    try:
        concerned = await check_condition(constraint.condition, against, using or "default")
    except FieldError:
        return
    if concerned and await rows.filter(constraint.condition).exists():
        raise constraint.violated()


Conditions = tuple[list[Any], dict[str, Any]]


def _field_conditions(constraint: UniqueConstraint, model: Any, instance: Any, exclude: Excluded) -> Conditions | None:
    """What finds rows of the same fields; None when there can be none, or a field is excluded."""
    lookups: dict[str, Any] = {}
    generated: list[str] = []
    for name in constraint.fields:
        field = model._meta.get_field(name)
        if exclude and name in exclude:
            return None
        if field.generated:
            if _refers_to(model, field.expression, exclude):
                return None
            generated.append(field.name)
            continue
        value = getattr(instance, field.attname)
        if value is None and constraint.nulls_distinct is not False:
            return None
        lookups[field.name] = value
    if not generated:
        return [], lookups
    known = instance._get_field_expression_map(model._meta, exclude=exclude)  # noqa: SLF001 - a part of Model
    return [_same(F(name), known[name], constraint) for name in generated], lookups


def _expression_conditions(
    constraint: UniqueConstraint, model: Any, instance: Any, exclude: Excluded
) -> Conditions | None:
    if any(_refers_to(model, expression, exclude) for expression in constraint.expressions):
        return None
    replacements = _replacements(model, instance, exclude)
    conditions = []
    for expression in constraint.expressions:
        plain = _for_validation(expression)
        conditions.append(_same(plain, plain.replace_expressions(replacements), constraint))
    return conditions, {}


def _for_validation(expression: Any) -> Any:
    convert = getattr(expression, "get_expression_for_validation", None)
    return expression if convert is None else convert()


def _same(expression: Any, value: Any, constraint: UniqueConstraint) -> Any:
    condition = Exact(expression, value)
    if constraint.nulls_distinct is False:
        return Q(condition) | Q(IsNull(expression, True), IsNull(value, True))
    return condition


async def _exclusion(
    constraint: ExclusionConstraint, model: Any, instance: Any, exclude: Excluded, using: str | None
) -> None:
    rows = model._default_manager.using(using or "default")
    replacements = _replacements(model, instance, exclude)
    conditions = []
    for given, operator in constraint.expressions:
        expression = F(given) if isinstance(given, str) else given
        if _refers_to(model, expression, exclude):
            return
        plain = _for_validation(expression)
        lookup: Any = PostgresOperatorLookup(plain, _for_validation(expression.replace_expressions(replacements)))
        lookup.postgres_operator = operator
        conditions.append(lookup)
    rows = _others(model, instance, rows.filter(*conditions))
    if constraint.condition is not None:
        await _where_condition(constraint, model, instance, exclude, using, rows)
    elif await rows.exists():
        raise constraint.violated()


Validation.check = staticmethod(_check)
Validation.unique = staticmethod(_unique)
Validation.exclusion = staticmethod(_exclusion)
late.check_condition = check_condition
