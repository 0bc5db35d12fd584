"""FOR UPDATE OF: the aliases behind the names of `select_for_update(of=…)`."""

from __future__ import annotations

from typing import Any

from covet.exceptions import FieldError


def locked_aliases(query: Any, names: tuple[str, ...]) -> list[str]:
    """The table alias of `self` and of each relation in `names`.

    Raises:
        FieldError: a relation that the query does not follow; lists the choices.
    """
    aliases: list[str] = []
    allowed = {"self": query.model}
    opts = query.get_meta()
    _collect(query, opts, query.select_related if isinstance(query.select_related, dict) else {}, "", allowed)
    for parent_link in opts.parents.values():
        if parent_link:
            allowed.setdefault(parent_link.name, parent_link.remote_field.model)
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


def _collect(query: Any, opts: Any, requested: dict[str, Any], prefix: str, allowed: dict[str, Any]) -> None:
    for name, below in requested.items():
        field = opts.get_field(name)
        allowed[prefix + name] = field.related_model
        _collect(query, field.related_model._meta, below, f"{prefix}{name}__", allowed)
