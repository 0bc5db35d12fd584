"""What stands on models in place of relations: descriptors and related managers."""

from covet.database.orm.related.forward import (
    ForeignKeyDeferredAttribute,
    ForwardManyToOneDescriptor,
    ForwardOneToOneDescriptor,
)
from covet.database.orm.related.many_to_many import ManyToManyDescriptor
from covet.database.orm.related.reverse_many import ReverseManyToOneDescriptor
from covet.database.orm.related.reverse_one import ReverseOneToOneDescriptor
from covet.database.orm.relationships.foreign import ForeignKey, ForeignObject, OneToOneField
from covet.database.orm.relationships.many import ManyToManyField

ForeignObject.forward_related_accessor_class = ForwardManyToOneDescriptor
ForeignObject.related_accessor_class = ReverseManyToOneDescriptor
ForeignKey.descriptor_class = ForeignKeyDeferredAttribute
OneToOneField.forward_related_accessor_class = ForwardOneToOneDescriptor
OneToOneField.related_accessor_class = ReverseOneToOneDescriptor
ManyToManyField.accessor_class = ManyToManyDescriptor

__all__ = [
    "ForeignKeyDeferredAttribute",
    "ForwardManyToOneDescriptor",
    "ForwardOneToOneDescriptor",
    "ManyToManyDescriptor",
    "ReverseManyToOneDescriptor",
    "ReverseOneToOneDescriptor",
]
