"""Relations between models: foreign keys, one-to-one and many-to-many fields, and what they look like from afar."""

from covet.database.orm.on_delete import (
    CASCADE,
    DO_NOTHING,
    PROTECT,
    RESTRICT,
    SET,
    SET_DEFAULT,
    SET_NULL,
)
from covet.database.orm.relationships.base import RECURSIVE_RELATIONSHIP_CONSTANT, RelatedField, lazy_related_operation
from covet.database.orm.relationships.foreign import ForeignKey, ForeignObject, OneToOneField
from covet.database.orm.relationships.many import ManyToManyField
from covet.database.orm.relationships.paths import FieldCacheMixin, PathInfo
from covet.database.orm.relationships.rels import ForeignObjectRel, ManyToManyRel, ManyToOneRel, OneToOneRel

__all__ = [
    "CASCADE",
    "DO_NOTHING",
    "PROTECT",
    "RECURSIVE_RELATIONSHIP_CONSTANT",
    "RESTRICT",
    "SET",
    "SET_DEFAULT",
    "SET_NULL",
    "FieldCacheMixin",
    "ForeignKey",
    "ForeignObject",
    "ForeignObjectRel",
    "ManyToManyField",
    "ManyToManyRel",
    "ManyToOneRel",
    "OneToOneField",
    "OneToOneRel",
    "PathInfo",
    "RelatedField",
    "lazy_related_operation",
]
