"""Relations to any model: content types on Django's own table, generic foreign keys and their reverse side."""

from covet.database.orm.contenttypes.foreign_key import GenericForeignKey
from covet.database.orm.contenttypes.models import ContentType, ContentTypeManager
from covet.database.orm.contenttypes.prefetch import GenericPrefetch
from covet.database.orm.contenttypes.relation import GenericRel, GenericRelation

__all__ = [
    "ContentType",
    "ContentTypeManager",
    "GenericForeignKey",
    "GenericPrefetch",
    "GenericRel",
    "GenericRelation",
]
