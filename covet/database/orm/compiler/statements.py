"""Plans: a shape compiled for one database and one purpose, and the execution of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from covet.database.orm.compiler.aggregation import aggregate_statement, exists_statement, resolve_aggregates
from covet.database.orm.compiler.binding import Binder, binder_of
from covet.database.orm.compiler.columns import ModelColumns, Selection
from covet.database.orm.compiler.correlation import correlate
from covet.database.orm.compiler.emitter import Emitter
from covet.database.orm.compiler.ops import replay
from covet.database.orm.compiler.query import Query
from covet.database.orm.compiler.select import build
from covet.database.orm.expressions.refs import Col
from covet.database.orm.hydration import Layout
from covet.database.orm.plan import Node, statistics
from covet.database.orm.shape import Const, EmptyResult, FullResult, Param, Unplannable
from covet.database.orm.types import Numeric
from covet.exceptions import EmptyResultSet, TransactionManagementError

Converter = Callable[[Any], Any]


class Plan:
    """A compiled statement.

    Attributes:
        binder: makes SQL and arguments of the query's values; None when nothing has to be asked.
        layout: how rows become instances (rows of instances). names: value names (rows of values).
        converters: (column index, function) of what the driver does not give as Python wants it.
        defaults: aggregate name to the value without rows. locks: whether it is FOR UPDATE.
        merges: (first column, how many) of the values that are tuples of columns.
    """

    __slots__ = (
        "binder",
        "converters",
        "defaults",
        "is_simple",
        "layout",
        "locks",
        "merges",
        "model",
        "names",
        "sql",
        "width",
    )

    def __init__(
        self,
        binder: Binder | None,
        *,
        layout: Any = None,
        names: tuple[str, ...] = (),
        converters: tuple[tuple[int, Converter], ...] = (),
        defaults: dict[str, Any] | None = None,
        width: int = 0,
        locks: bool = False,
        merges: tuple[tuple[int, int], ...] = (),
    ) -> None:
        self.binder = binder
        self.merges = merges
        self.locks = locks
        self.layout = layout
        self.names = names
        self.converters = converters
        self.defaults = defaults or {}
        self.width = width
        self.sql = binder.sql if binder is not None else ""
        # One row is one call of the layout: nothing is converted, joined or annotated.
        self.is_simple = (
            layout is not None and not converters and not layout.related and not layout.extras and not locks
        )

    def empty_row(self, values: Sequence[Any]) -> dict[str, Any]:
        """The aggregates without rows; a default that was given as a value is bound."""
        return {
            name: value.bind(values[value.index]) if isinstance(value, Param) else value
            for name, value in self.defaults.items()
        }


def check_lock(plan: Plan, adapter: Any) -> None:
    """Refuse FOR UPDATE outside a transaction: the lock would be gone before anyone could rely on it.

    Raises:
        TransactionManagementError: no transaction is open.
    """
    if plan.locks and not adapter.in_transaction():
        raise TransactionManagementError("select_for_update cannot be used outside of a transaction.")


def prepare(node: Node, terminal: str, adapter: Any, values: Sequence[Any]) -> tuple[Plan, str, Sequence[Any]]:
    """(plan, SQL, arguments) of a shape with these values; compiles what is not compiled yet."""
    plan = node.plans.get((terminal, adapter.alias))
    if plan is None:
        plan = _compile(node, terminal, adapter, values, {})
    binder = plan.binder
    if binder is None:
        return plan, "", ()
    try:
        sql, args = binder.statement(values)
    except (EmptyResult, FullResult):
        return _variant(node, terminal, adapter, values, binder)
    return plan, sql, args


def _variant(
    node: Node, terminal: str, adapter: Any, values: Sequence[Any], binder: Binder
) -> tuple[Plan, str, Sequence[Any]]:
    """The plan in which the offending slots are constants that match nothing, or everything."""
    marks: dict[int, str] = {}
    for _ in range(len(values) + 1):
        marks.update(binder.marks(values))
        key = (terminal, adapter.alias, tuple(sorted(marks.items())))
        plan = node.plans.get(key)
        if plan is None:
            plan = _compile(node, terminal, adapter, values, marks)
        if plan.binder is None:
            return plan, "", ()
        binder = plan.binder
        try:
            sql, args = binder.statement(values)
        except (EmptyResult, FullResult):
            continue
        return plan, sql, args
    raise EmptyResultSet


def _compile(node: Node, terminal: str, adapter: Any, values: Sequence[Any], marks: dict[int, str]) -> Plan:
    keep = not node.transient
    try:
        plan = _COMPILERS[terminal](node, adapter, marks, None)
    except Unplannable:
        keep = False
        plan = _COMPILERS[terminal](node, adapter, marks, values)
    statistics.compiled += 1
    if keep:
        key = (terminal, adapter.alias, tuple(sorted(marks.items()))) if marks else (terminal, adapter.alias)
        node.plans[key] = plan
        if terminal == "rows" and not marks:
            node.rows[adapter.alias] = plan
    return plan


def query_of(
    node: Node, adapter: Any, marks: dict[int, str] | None = None, values: Sequence[Any] | None = None
) -> Query:
    """The resolved Query of a shape; of just these `values` where they are given."""
    query = Query(node.model, vendor=adapter.vendor)
    query.marks = marks or {}
    query.bound_values = values
    return replay(node, query)


def _emitter(query: Query, adapter: Any, values: Sequence[Any] | None) -> Emitter:
    emitter = Emitter(query, adapter)
    emitter.values = values
    return emitter


def _binder(statement: Any, emitter: Emitter) -> Binder:
    compiled = statement.compile(dialect=emitter.dialect)
    return binder_of(compiled, emitter.slots, emitter.dialect)


def _rows(node: Node, adapter: Any, marks: dict[int, str], values: Sequence[Any] | None) -> Plan:
    query = query_of(node, adapter, marks, values)
    correlate(query)
    emitter = _emitter(query, adapter, values)
    try:
        built = build(query, emitter)
    except EmptyResultSet:
        # An annotation without a type is a mistake, whether or not there are rows that would show it.
        converters_of(list(query.annotation_select.values()), adapter)
        return Plan(None, names=tuple(query.select_names or ()))
    selection = built.selection
    converters = converters_of(built.converters, adapter)
    layout = None
    if selection.main is not None:
        layout = _layout(selection.main, dict(converters), selection)
        converters = ()
    return Plan(
        _binder(built.statement, emitter),
        layout=layout,
        names=tuple(selection.names),
        converters=converters,
        width=len(selection.columns) + built.hidden,
        locks=query.lock is not None and adapter.features.has_select_for_update,
        merges=selection.merges,
    )


def _layout(columns: ModelColumns, converters: dict[int, Converter], selection: Selection | None = None) -> Any:
    return Layout(
        columns.model,
        tuple(columns.names),
        columns.start,
        columns.key,
        tuple(_layout(related, converters) for related in columns.related),
        columns.forward,
        columns.backward,
        _filtered_setter(columns.setter, columns.backward) if columns.setter is not None else None,
        tuple(selection.annotations) if selection is not None else (),
        converters,
    )


def _filtered_setter(description: tuple[str, str, Any], backward: str | None) -> Callable[[Any, Any], None]:
    """select_related of a FilteredRelation: kept under its own name."""
    name, _, field = description
    del backward

    def assign(parent: Any, child: Any) -> None:
        parent._state.fields_cache[name] = child
        parent.__dict__[name] = child
        if child is not None and hasattr(field, "remote_field") and getattr(field.remote_field, "cache_name", None):
            remote = field.remote_field
            if not getattr(remote, "multiple", True):
                child._state.fields_cache[remote.cache_name] = parent

    return assign


def converters_of(expressions: Sequence[Any], adapter: Any) -> tuple[tuple[int, Converter], ...]:
    """(index, function) for every column whose driver value is not yet Python's."""
    found: list[tuple[int, Converter]] = []
    for index, expression in enumerate(expressions):
        convert = converter_of(expression, adapter)
        if convert is not None:
            found.append((index, convert))
    return tuple(found)


def converter_of(expression: Any, adapter: Any) -> Converter | None:
    """What a fetched value of this expression goes through; None when nothing."""
    steps: list[Converter] = []
    field = getattr(expression, "_output_field_or_none", None) or getattr(expression, "output_field", None)
    if field is not None:
        type_ = field.sa_type()
        if isinstance(type_, Numeric) and type_.is_column and not isinstance(expression, Col):
            # Only a column has a number of decimals; what is computed keeps its own.
            type_ = Numeric(type_.spelling, type_.max_digits, type_.decimal_places, is_column=False)
        processor = (
            type_.result_processor(adapter.dialect, None)
            if hasattr(type_, "loader")
            else type_.dialect_impl(adapter.dialect).result_processor(adapter.dialect, None)
        )
        if processor is not None:
            steps.append(processor)
    if hasattr(expression, "get_db_converters"):
        steps.extend(_with_context(convert, expression, adapter) for convert in expression.get_db_converters(adapter))
    if not steps:
        return None
    if len(steps) == 1:
        return steps[0]
    pipeline = tuple(steps)

    def run(value: Any) -> Any:
        for step in pipeline:
            value = step(value)
        return value

    return run


def _with_context(convert: Any, expression: Any, adapter: Any) -> Converter:
    return lambda value: convert(value, expression, adapter)


def _aggregate(node: Node, adapter: Any, marks: dict[int, str], values: Sequence[Any] | None) -> Plan:
    parent = node.parent
    assert parent is not None
    assert node.operation is not None
    query = query_of(parent, adapter, marks, values)
    query.offset = node.start
    items = node.operation.items  # type: ignore[attr-defined]
    emitter = _emitter(query, adapter, values)
    resolved = resolve_aggregates(query, items)
    names = tuple(resolved)
    emitter.keeps_empty = any(
        getattr(expression, "empty_result_set_value", None) is NotImplemented for expression in resolved.values()
    )
    empty = {name: empty_value(expression) for name, expression in resolved.items()}
    try:
        statement = aggregate_statement(query, emitter, resolved)
    except EmptyResultSet:
        return Plan(None, names=names, defaults=empty)
    converters = converters_of(list(resolved.values()), adapter)
    return Plan(_binder(statement, emitter), names=names, converters=converters, defaults=empty)


def empty_value(expression: Any) -> Any:
    """What an aggregate is over no rows."""
    value: Any = getattr(expression, "empty_result_set_value", None)
    while isinstance(value, Const) or hasattr(value, "value"):
        value = value.value
    return None if value is NotImplemented else value


def _exists(node: Node, adapter: Any, marks: dict[int, str], values: Sequence[Any] | None) -> Plan:
    query = query_of(node, adapter, marks, values)
    emitter = _emitter(query, adapter, values)
    try:
        statement = exists_statement(query, emitter)
    except EmptyResultSet:
        return Plan(None)
    return Plan(_binder(statement, emitter))


def _explain(node: Node, adapter: Any, marks: dict[int, str], values: Sequence[Any] | None) -> Plan:
    return _rows(node, adapter, marks, values)


def _delete(node: Node, adapter: Any, marks: dict[int, str], values: Sequence[Any] | None) -> Plan:
    query = query_of(node, adapter, marks, values)
    emitter = _emitter(query, adapter, values)
    try:
        statement = late.delete(query, emitter)
    except EmptyResultSet:
        return Plan(None)
    return Plan(_binder(statement, emitter))


def _update(node: Node, adapter: Any, marks: dict[int, str], values: Sequence[Any] | None) -> Plan:
    parent = node.parent
    assert parent is not None
    assert node.operation is not None
    query = query_of(parent, adapter, marks, values)
    query.offset = node.start
    emitter = _emitter(query, adapter, values)
    try:
        statement = late.update(query, emitter, node.operation.items)  # type: ignore[attr-defined]
    except EmptyResultSet:
        return Plan(None)
    return Plan(None if statement is None else _binder(statement, emitter))


class Late:
    """The emission of UPDATE and DELETE; set by `mutation` at import."""

    delete: Any
    update: Any


late = Late()

_COMPILERS: dict[str, Callable[[Node, Any, dict[int, str], Sequence[Any] | None], Plan]] = {
    "rows": _rows,
    "aggregate": _aggregate,
    "exists": _exists,
    "explain": _explain,
    "delete": _delete,
    "update": _update,
}
