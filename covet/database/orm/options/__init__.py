"""A model's `_meta`: its names, fields, relations, keys, indexes and constraints."""

from covet.database.orm.options.base import META_NAMES, Options
from covet.database.orm.options.fieldlists import ImmutableList

__all__ = ["META_NAMES", "ImmutableList", "Options"]
