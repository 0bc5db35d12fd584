"""Which columns of which model are loaded: `only()` and `defer()` as a tree of fields."""

from __future__ import annotations

from typing import Any

from covet.database.orm.compiler.datastructures import LOOKUP_SEP
from covet.exceptions import FieldDoesNotExist, FieldError

Mask = dict[Any, Any]


def select_mask(query: Any) -> Mask | None:
    """Field to sub-mask for every column that is loaded; None for all of them."""
    names, is_defer = query.deferred
    if not names:
        return None
    tree: dict[str, Any] = {}
    for name in names:
        branch = tree
        for part in name.split(LOOKUP_SEP):
            branch = branch.setdefault(part, {})
    opts = query.get_meta()
    return _deferred(query, opts, tree) if is_defer else _only(query, opts, tree)


def _deferred(query: Any, opts: Any, tree: dict[str, Any]) -> Mask:
    mask = _keys(opts)
    for name, branch in tree.items():
        if name in query.filtered_relations:
            related = _related_opts(opts.get_field(query.filtered_relations[name].relation_name))
            mask[name] = _deferred(query, related, branch)
            continue
        field = opts.pk if name == "pk" else opts.get_field(name)
        related = _related_opts(field)
        if not branch:
            continue
        if related is None:
            raise FieldError(next(iter(branch)))
        mask[field] = _deferred(query, related, branch)
    skipped = {name for name, branch in tree.items() if not branch}
    for field in opts.concrete_fields:
        if field.name in skipped or field.attname in skipped:
            continue
        mask.setdefault(field, {})
    return mask


def _only(query: Any, opts: Any, tree: dict[str, Any]) -> Mask:
    mask = _keys(opts)
    for name, branch in tree.items():
        field = opts.pk if name == "pk" else _field(opts, name)
        if field is None:
            if name in query.filtered_relations:
                relation = query.filtered_relations[name].relation_name
                field = opts.get_field(relation)
                mask[name] = _only(query, _related_opts(field), branch)
                continue
            raise FieldDoesNotExist(f"{opts.object_name} has no field named '{name}'")
        if not branch:
            mask.setdefault(field, {})
            continue
        related = _related_opts(field)
        if related is None:
            raise FieldError(next(iter(branch)))
        mask.setdefault(field, {}).update(_only(query, related, branch))
    return mask


def _keys(opts: Any) -> Mask:
    """The primary key, which is always loaded, and the columns that it is made of."""
    return {opts.pk: {}, **{field: {} for field in opts.pk_fields}}


def _field(opts: Any, name: str) -> Any:
    try:
        return opts.get_field(name)
    except FieldDoesNotExist:
        return None


def _related_opts(field: Any) -> Any:
    model = getattr(field, "related_model", None)
    return None if model is None else model._meta
