"""A model's `_meta`: its names, fields, relations, keys, indexes and constraints."""

from covet.database.orm.options.base import META_NAMES, Options
from covet.database.orm.options.fieldlists import EMPTY_RELATION_TREE, IMMUTABLE_WARNING, ImmutableList

__all__ = ["EMPTY_RELATION_TREE", "IMMUTABLE_WARNING", "META_NAMES", "ImmutableList", "Options"]
