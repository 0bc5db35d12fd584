"""The keys by which related rows are matched with instances: plain attributes where one column decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

Key = Callable[[Any], Any]


def single_key(fields: Sequence[Any], model: Any) -> Key | None:
    """The getter of the one deciding attribute of `model`'s instances; None where it takes more than that."""
    if len(fields) != 1:
        return None
    field = fields[0]
    owner = field.model._meta.concrete_model
    links_to_parent = field.primary_key and getattr(field, "remote_field", None) is not None
    if owner is not model._meta.concrete_model or links_to_parent:
        return None
    return attrgetter(field.attname)
