"""What a query selects, and the layout by which rows become instances or values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from covet.database.orm.compiler.datastructures import LOOKUP_SEP
from covet.database.orm.compiler.masks import Mask, select_mask
from covet.exceptions import FieldError

MAX_DEPTH = 5


@dataclass(slots=True)
class ModelColumns:
    """One model's part of a row.

    Attributes:
        start: index of its first column. names: attribute names in column order.
        key: index of the primary key (an outer join without a match has NULL there).
        related: what `select_related` hangs on it.
        forward, backward: cache names on the parent instance and on this one (None: not cached).
        homes: ancestor model to the alias of its table (multi-table inheritance).
    """

    model: Any
    start: int
    names: list[str]
    key: int
    related: list[ModelColumns] = field(default_factory=list)
    forward: str | None = None
    backward: str | None = None
    setter: Any = None
    homes: dict[Any, str] = field(default_factory=dict)


@dataclass(slots=True)
class Selection:
    """The columns of one SELECT.

    Attributes:
        columns: (expression, label) pairs; the label is None where only the position counts.
        main: the layout of instances; None for values.
        names: value names (values mode). annotations: (name, column index).
        merges: (first column, how many) of the names that stand for several columns.
    """

    columns: list[tuple[Any, str | None]]
    main: ModelColumns | None = None
    names: list[str] = field(default_factory=list)
    annotations: list[tuple[str, int]] = field(default_factory=list)
    merges: tuple[tuple[int, int], ...] = ()


def selection_of(query: Any) -> Selection:
    """Resolve what the query selects; may add joins."""
    if query.select_names is not None:
        return _values(query)
    if query.default_cols:
        return _instances(query)
    columns: list[tuple[Any, str | None]] = [(expression, None) for expression in query.select]
    selection = Selection(columns)
    _annotate(query, selection)
    return selection


def _values(query: Any) -> Selection:
    plain = iter(query.select)
    columns: list[tuple[Any, str | None]] = []
    annotations: list[tuple[str, int]] = []
    merges: list[tuple[int, int]] = []
    for name in query.select_names:
        if name in query.annotation_select:
            annotations.append((name, len(columns)))
            columns.append((query.annotation_select[name], name))
        else:
            width = query.widths.get(name, 1)
            if width > 1:
                merges.append((len(columns), width))
            columns.extend((next(plain), None) for _ in range(width))
    columns.extend((expression, None) for expression in plain)
    return Selection(columns, names=list(query.select_names), annotations=annotations, merges=tuple(merges))


def _instances(query: Any) -> Selection:
    mask = select_mask(query)
    opts = query.get_meta()
    selection = Selection([])
    alias = query.get_initial_alias()
    selection.main = _model_columns(query, selection, opts, alias, mask, query.model)
    if query.select_related:
        requested = query.select_related if isinstance(query.select_related, dict) else None
        _related(query, selection, selection.main, opts, alias, mask, requested, 1)
    _annotate(query, selection)
    return selection


def _annotate(query: Any, selection: Selection) -> None:
    for name, expression in query.annotation_select.items():
        selection.annotations.append((name, len(selection.columns)))
        selection.columns.append((expression, name))


def _model_columns(
    query: Any,
    selection: Selection,
    opts: Any,
    alias: str,
    mask: Mask | None,
    model: Any,
    seen: dict[Any, str] | None = None,
) -> ModelColumns:
    seen = {None: alias} if seen is None else seen
    start = len(selection.columns)
    names: list[str] = []
    key = start
    for column in opts.concrete_fields:
        if mask and column not in mask:
            continue
        owner = column.model._meta.concrete_model
        home = alias if owner is opts.concrete_model else parent_alias(query, opts, owner, alias, seen)
        if column.primary_key or column is opts.pk:
            key = len(selection.columns)
        selection.columns.append((query.column_of(column, home), None))
        names.append(column.attname)
    return ModelColumns(model, start, names, key, homes=seen)


def parent_alias(query: Any, opts: Any, model: Any, alias: str, seen: dict[Any, str]) -> str:
    """The alias of the table of an ancestor model (multi-table inheritance), joined when needed."""
    current = opts
    for ancestor in opts.get_base_chain(model):
        if ancestor in seen:
            current, alias = ancestor._meta, seen[ancestor]
            continue
        link = current.parents.get(ancestor)
        if not link:
            current = ancestor._meta
            continue
        link_field = current.get_ancestor_link(ancestor)
        info = query.setup_joins([link_field.name], current, alias)
        current = ancestor._meta
        alias = seen[ancestor] = info.joins[-1]
    return alias


def _related(
    query: Any,
    selection: Selection,
    parent: ModelColumns,
    opts: Any,
    alias: str,
    mask: Mask | None,
    requested: dict[str, Any] | None,
    depth: int,
) -> None:
    if requested is None and depth > MAX_DEPTH:
        return
    found: set[str] = set()
    for relation in opts.fields:
        found.add(relation.name)
        below = None if requested is None else requested.get(relation.name, {})
        if requested is not None and not relation.is_relation and (below or relation.name in requested):
            _refuse_plain(opts, relation.name, query)
        if not _descends(relation, requested, mask):
            continue
        info = query.setup_joins([relation.name], opts, alias)
        target = relation.remote_field.model._meta
        submask = (mask or {}).get(relation) or None
        columns = _model_columns(query, selection, target, info.joins[-1], submask, relation.remote_field.model)
        columns.forward = relation.cache_name
        columns.backward = relation.remote_field.cache_name if relation.unique else None
        parent.related.append(columns)
        _related(query, selection, columns, target, info.joins[-1], submask, below, depth + 1)
    if requested is None:
        return
    for reverse in opts.related_objects:
        if not reverse.field.unique or reverse.many_to_many:
            continue
        name = reverse.field.related_query_name()
        found.add(name)
        if name not in requested:
            continue
        _reverse(query, selection, parent, opts, alias, mask, requested, depth, reverse, name)
    for name in list(requested):
        if name in query.filtered_relations and depth == 1:
            found.add(name)
            _filtered(query, selection, parent, opts, alias, mask, requested, name)
    unknown = sorted(set(requested) - found)
    if unknown:
        listed = ", ".join(f"'{name}'" for name in unknown) if len(unknown) > 1 else f"'{unknown[0]}'"
        message = (
            f"Invalid field name(s) given in select_related: {listed}. "
            f"Choices are: {', '.join(_choices(opts, query)) or '(none)'}"
        )
        raise FieldError(message)


def _reverse(
    query: Any,
    selection: Selection,
    parent: ModelColumns,
    opts: Any,
    alias: str,
    mask: Mask | None,
    requested: dict[str, Any],
    depth: int,
    reverse: Any,
    name: str,
) -> None:
    info = query.setup_joins([name], opts, alias)
    model = reverse.related_model
    submask = (mask or {}).get(reverse) or (mask or {}).get(reverse.field) or None
    seen: dict[Any, str] = {None: info.joins[-1]}
    if issubclass(model, opts.model) and model is not opts.model:
        seen = {**parent.homes, None: info.joins[-1], opts.concrete_model: alias}
        if submask:
            # What is loaded of the parent is known of the child too.
            inherited = set(model._meta.concrete_fields).intersection(mask or ())
            submask = {**{column: {} for column in inherited}, **submask}
    columns = _model_columns(query, selection, model._meta, info.joins[-1], submask, model, seen)
    columns.forward = reverse.cache_name
    columns.backward = reverse.field.cache_name
    parent.related.append(columns)
    _related(query, selection, columns, model._meta, info.joins[-1], submask, requested.get(name, {}), depth + 1)


def _filtered(
    query: Any,
    selection: Selection,
    parent: ModelColumns,
    opts: Any,
    alias: str,
    mask: Mask | None,
    requested: dict[str, Any],
    name: str,
) -> None:
    info = query.setup_joins([name], opts, alias)
    joined = info.joins[-1]
    model = info.opts.model
    submask = (mask or {}).get(name) or None
    columns = _model_columns(query, selection, info.opts, joined, submask, model)
    relation = query.filtered_relations[name].relation_name
    final = info.final_field
    columns.setter = (name, relation, final)
    if LOOKUP_SEP not in relation and getattr(final, "remote_field", None) is not None:
        columns.backward = final.remote_field.cache_name if final.remote_field and not final.many_to_one else None
    columns.forward = None
    parent.related.append(columns)
    _related(query, selection, columns, info.opts, joined, submask, requested.get(name, {}), 2)


def _descends(relation: Any, requested: dict[str, Any] | None, mask: Mask | None) -> bool:
    remote = relation.remote_field
    if not remote or not relation.is_relation or relation.many_to_many:
        return False
    if getattr(remote, "parent_link", False) and (requested is None or relation.name not in requested):
        return False
    if requested is not None and relation.name not in requested:
        return False
    if requested is None and relation.null:
        return False
    if requested is not None and mask and relation not in mask:
        message = (
            f"Field {relation.model._meta.object_name}.{relation.name} cannot be both deferred and traversed "
            "using select_related at the same time."
        )
        raise FieldError(message)
    return True


def _choices(opts: Any, query: Any) -> list[str]:
    direct = [field.name for field in opts.fields if field.is_relation]
    reverse = [
        rel.field.related_query_name() for rel in opts.related_objects if rel.field.unique and not rel.many_to_many
    ]
    return [*direct, *reverse, *query.filtered_relations]


def _refuse_plain(opts: Any, name: str, query: Any) -> None:
    message = (
        f"Non-relational field given in select_related: '{name}'. "
        f"Choices are: {', '.join(_choices(opts, query)) or '(none)'}"
    )
    raise FieldError(message)
