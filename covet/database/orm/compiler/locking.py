"""FOR UPDATE OF: the aliases behind the names of `select_for_update(of=…)`."""

from __future__ import annotations

from typing import Any

from covet.exceptions import FieldError


def locked_aliases(query: Any, names: tuple[str, ...]) -> list[str]:
    """The table alias of `self` and of each relation in `names`.

    Raises:
        FieldError: a relation that the query does not follow; lists the choices.
    """
    if not query.default_cols:
        # Nothing of the model is selected (EXISTS): every table of the query is locked.
        return []
    aliases: list[str] = []
    opts = query.get_meta()
    requested = query.select_related if isinstance(query.select_related, dict) else {}
    renamed = {name: relation.relation_name for name, relation in query.filtered_relations.items()}
    allowed = ["self", *_followed(opts, requested, renamed)]
    invalid = [name for name in names if name not in allowed]
    if invalid:
        message = (
            f"Invalid field name(s) given in select_for_update(of=(...)): {', '.join(invalid)}. "
            "Only relational fields followed in the query are allowed. "
            f"Choices are: {', '.join(allowed)}."
        )
        raise FieldError(message)
    for name in names:
        if name == "self":
            aliases.append(_own_alias(query, opts))
            continue
        info = query.setup_joins(name.split("__"), opts, query.get_initial_alias())
        aliases.append(info.joins[-1])
    return aliases


def _own_alias(query: Any, opts: Any) -> str:
    """The first table that holds a column of the model itself (a child model's own columns may be none)."""
    del opts
    alias: str = query.get_initial_alias()
    return alias


def _followed(opts: Any, requested: dict[str, Any], renamed: dict[str, str]) -> list[str]:
    """The paths of every parent and every selected relation, the nearest first.

    Args:
        opts: of the query's model.
        requested: what select_related() follows.
        renamed: the relations behind the names of FilteredRelation.
    """
    found: list[str] = []
    level: list[tuple[str, Any, dict[str, Any]]] = [("", opts, requested)]
    while level:
        below: list[tuple[str, Any, dict[str, Any]]] = []
        for prefix, here, wanted in level:
            links = [link for link in here.concrete_model._meta.parents.values() if link]
            below += [(f"{prefix}{link.name}__", link.remote_field.model._meta, {}) for link in links]
            for name, inner in wanted.items():
                relation = name if prefix else renamed.get(name, name)
                below.append((f"{prefix}{name}__", here.get_field(relation).related_model._meta, inner))
        found += [prefix.removesuffix("__") for prefix, _, _ in below]
        level = below
    return found
