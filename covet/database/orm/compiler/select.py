"""SELECT: a resolved Query becomes a SQLAlchemy Select."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import quoted_name

from covet.database.orm.compiler import emitter as emitter_module
from covet.database.orm.compiler.columns import Selection, selection_of
from covet.database.orm.compiler.datastructures import Join
from covet.database.orm.compiler.elements import AliasColumn, JoinedTables, NamedTable
from covet.database.orm.compiler.emitter import Emitter
from covet.database.orm.compiler.grouping import group_by_of
from covet.database.orm.compiler.ordering import ordering_of
from covet.database.orm.compiler.qualify import qualified
from covet.database.orm.compiler.where import WhereNode
from covet.database.orm.expressions.refs import Ref
from covet.database.orm.shape import Unplannable
from covet.exceptions import EmptyResultSet, FullResultSet, NotSupportedError


@dataclass(slots=True)
class Built:
    """A SELECT and what its columns are."""

    statement: Any
    selection: Selection
    converters: list[Any]
    hidden: int = 0


def build(query: Any, emitter: Emitter, *, labelled: bool = False) -> Built:
    """The SELECT of a query.

    Args:
        query: what is asked, resolved.
        emitter: what its expressions are emitted with.
        labelled: give every column a name (a subquery in FROM is read by names).

    Raises:
        EmptyResultSet: no row can match; nothing has to be asked.
    """
    if query.combinator:
        from covet.database.orm.compiler.combination import build_combined  # noqa: PLC0415 - a circle: it builds its parts here

        return build_combined(query, emitter, labelled=labelled)
    selection = selection_of(query)
    orders, is_default = ordering_of(query)
    where, having, qualify = query.where.split(must_group=query.group_by is not None)
    if qualify is not None:
        built: Built = qualified(query, emitter, selection, orders, where, having, qualify)
        return built
    groups = group_by_of(query, selection, [] if is_default else orders, having, emitter)
    distinct_on = _distinct_on(query, emitter)
    columns = [
        _column(emitter, expression, label, index, labelled=labelled)
        for index, (expression, label) in enumerate(selection.columns)
    ]
    order_clauses = (
        [emitter.process(_ordered(emitter, order)) for order in orders] if not (is_default and groups) else []
    )
    if is_default and groups:
        orders = []
    hidden = 0
    if query.distinct and not query.distinct_fields and orders:
        extra = _extra_columns(emitter, selection, orders, len(columns))
        columns += extra
        hidden = len(extra)
    if not columns:
        columns = [sa.literal_column("1").label("a")]
    statement = sa.select(*columns)
    statement = add_conditions(statement, query, emitter, where)
    tables = from_clause(query, emitter)
    if tables is not None:
        statement = statement.select_from(tables)
    if groups:
        statement = statement.group_by(*groups)
    if having is not None:
        with suppress(FullResultSet):
            statement = statement.having(having.as_clause(emitter))
    if query.distinct_fields:
        statement = statement.distinct(*distinct_on)
    elif query.distinct:
        statement = statement.distinct()
    if order_clauses:
        statement = statement.order_by(*order_clauses)
    statement = limited(statement, query)
    if query.lock is not None:
        statement = locked(statement, query, emitter)
    return Built(statement, selection, [expression for expression, _ in selection.columns], hidden)


def _column(emitter: Emitter, expression: Any, label: str | None, index: int, *, labelled: bool) -> Any:
    element = select_element(emitter, expression)
    if label is not None:
        named = element.label(quoted_name(label, quote=True))
        emitter.labels[label] = named
        return named
    return element.label(f"col{index + 1}") if labelled else element


def select_element(emitter: Emitter, expression: Any) -> Any:
    """The element of a selected expression; what can match nothing has its empty value."""
    try:
        element = emitter.process(expression)
    except EmptyResultSet:
        empty = getattr(expression, "empty_result_set_value", NotImplemented)
        if empty is NotImplemented:
            return sa.literal_column("0")
        return sa.null() if empty is None else sa.literal_column(_literal(empty))
    except FullResultSet:
        element = sa.literal_column("1" if emitter.vendor == "sqlite" else "true")
    if getattr(expression, "lookup_name", None) is not None and emitter.vendor == "postgresql":
        return sa.sql.elements.Grouping(element)
    return element


def _literal(value: Any) -> str:
    value = getattr(value, "value", value)
    return str(int(value)) if isinstance(value, bool) else str(value)


def _ordered(emitter: Emitter, order: Any) -> Any:
    """An order by a selected annotation goes by its label, where a bare label may stand."""
    del emitter
    return order


def _extra_columns(emitter: Emitter, selection: Selection, orders: list[Any], count: int) -> list[Any]:
    """DISTINCT may only be ordered by what is selected: the rest is selected too, and ignored."""
    chosen = [expression for expression, _ in selection.columns]
    extra: list[Any] = []
    for order in orders:
        expression = order.expression
        if isinstance(expression, Ref) or any(expression == known for known in chosen):
            continue
        extra.append(emitter.process(expression).label(f"__orderbycol{count + len(extra)}"))
    return extra


def _distinct_on(query: Any, emitter: Emitter) -> list[Any]:
    if not query.distinct_fields:
        return []
    columns: list[Any] = []
    for name in query.distinct_fields:
        if name in query.annotation_select:
            # By its name, as ORDER BY has it: two columns may have the same expression.
            columns.append(sa.column(name))
            continue
        info = query.setup_joins(name.split("__"), query.get_meta(), query.get_initial_alias())
        targets, alias, _ = query.trim_joins(info.targets, info.joins, info.path)
        columns.extend(emitter.process(info.transform(query, target, alias)) for target in targets)
    # Last: a wrong name is the caller's mistake on every database.
    if emitter.vendor != "postgresql":
        raise NotSupportedError("DISTINCT ON fields is not supported by this database backend")
    return columns


def add_conditions(statement: Any, query: Any, emitter: Emitter, where: WhereNode | None) -> Any:
    """WHERE, unless everything matches."""
    del query
    if where is None or not where:
        return statement
    try:
        return statement.where(where.as_clause(emitter))
    except FullResultSet:
        return statement
    except EmptyResultSet:
        if not emitter.keeps_empty:
            raise
        # What is aggregated over no rows only the database knows.
        return statement.where(sa.literal_column("0 = 1"))


def from_clause(query: Any, emitter: Emitter) -> JoinedTables | None:
    """FROM and its joins, of the aliases in use."""
    aliases = query.table_aliases()
    if not aliases:
        aliases = [query.get_initial_alias()]
    base: NamedTable | None = None
    joins: list[tuple[str, Any, Any]] = []
    for alias in aliases:
        entry = query.alias_map[alias]
        table = NamedTable(entry.table_name, alias)
        if base is None:
            base = table
        elif isinstance(entry, Join):
            joins.append((entry.join_type, table, on_clause(entry, emitter)))
    if base is None:
        return None
    return JoinedTables(base, joins, [NamedTable(name, name) for name in query.extra_tables if name not in aliases])


def on_clause(join: Join, emitter: Emitter) -> Any:
    """The columns that meet, and the relation's own restriction."""
    parts: list[Any] = []
    for local, remote in join.join_field.get_joining_fields():
        near: Any = AliasColumn(join.parent_alias, local.column, local.sa_type())
        if emitter.vendor == "postgresql" and _is_text(local) != _is_text(remote):
            # Keys of generic relations may be kept as text, which PostgreSQL does not compare with numbers.
            near = sa.cast(near, remote.sa_type())
        parts.append(near == AliasColumn(join.table_alias, remote.column, remote.sa_type()))
    if emitter.values is None and getattr(join.join_field, "extra_restriction_varies", False):
        raise Unplannable
    restriction = join.join_field.get_extra_restriction(join.table_alias, join.parent_alias)
    for condition in (restriction, join.on_condition):
        if condition is None:
            continue
        try:
            parts.append(emitter.process(condition))
        except FullResultSet:
            continue
        except EmptyResultSet:
            parts.append(sa.literal_column("1 = 0"))
    if not parts:
        raise ValueError(
            f"Join generated an empty ON clause. {type(join.join_field)!r} did not yield either joining columns or "
            "extra restrictions."
        )
    return sa.and_(*parts) if len(parts) > 1 else parts[0]


def _is_text(field: Any) -> bool:
    while field.is_relation and field.remote_field is not None:
        field = field.target_field
    return field.get_internal_type() in {"CharField", "TextField", "SlugField"}


def limited(statement: Any, query: Any) -> Any:
    """LIMIT and OFFSET as literals: as parameters they hide the page size from the planner."""
    if query.high_mark is not None:
        statement = statement.limit(sa.literal_column(str(query.high_mark - query.low_mark)))
    if query.low_mark:
        statement = statement.offset(sa.literal_column(str(query.low_mark)))
    return statement


def locked(statement: Any, query: Any, emitter: Emitter) -> Any:
    """FOR UPDATE and its options, as the database has them."""
    features = emitter.features
    if not features.has_select_for_update:
        return statement
    lock = query.lock
    for option, feature, text in (
        ("nowait", "has_select_for_update_nowait", "NOWAIT"),
        ("skip_locked", "has_select_for_update_skip_locked", "SKIP LOCKED"),
        ("of", "has_select_for_update_of", "FOR UPDATE OF"),
        ("no_key", "has_select_for_no_key_update", "FOR NO KEY UPDATE"),
    ):
        if lock[option] and not getattr(features, feature, False):
            raise NotSupportedError(f"{text} is not supported on this database backend.")
    words = ["FOR NO KEY UPDATE" if lock["no_key"] else "FOR UPDATE"]
    if lock["of"]:
        preparer = emitter.dialect.identifier_preparer
        names = [preparer.quote_identifier(alias) for alias in _locked_aliases(query, lock["of"])]
        if names:
            words.append("OF " + ", ".join(names))
    if lock["nowait"]:
        words.append("NOWAIT")
    elif lock["skip_locked"]:
        words.append("SKIP LOCKED")
    return statement.suffix_with(sa.text(" ".join(words)))


def _locked_aliases(query: Any, names: tuple[str, ...]) -> list[str]:
    from covet.database.orm.compiler.locking import locked_aliases  # noqa: PLC0415 - only FOR UPDATE OF needs it

    return locked_aliases(query, names)


def subselect(query: Any, outer: Emitter) -> Any:
    """The SELECT of a subquery, emitted within its outer statement."""
    built = build(query, outer.within(query))
    if not built.hidden:
        return built.statement
    # Columns that only DISTINCT and ORDER BY need are not part of a subquery's result.
    built = build(query, outer.within(query), labelled=True)
    names = [label or f"col{index + 1}" for index, (_, label) in enumerate(built.selection.columns)]
    return sa.select(*(AliasColumn("subquery", name, sa.types.NULLTYPE) for name in names)).select_from(
        built.statement.subquery("subquery")
    )


emitter_module.late.select = subselect
