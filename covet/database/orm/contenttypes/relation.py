"""GenericRelation: the reverse side of a generic foreign key, for queries, managers and cascades."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar

from covet.database.orm.compiler.where import WhereNode
from covet.database.orm.contenttypes.checks import check_generic_relation
from covet.database.orm.contenttypes.foreign_key import GenericForeignKey
from covet.database.orm.contenttypes.manager import ReverseGenericManyToOneDescriptor
from covet.database.orm.contenttypes.models import ContentTypeId, content_type_key
from covet.database.orm.models.metaclass import give_order_methods
from covet.database.orm.on_delete import DO_NOTHING
from covet.database.orm.relationships.base import lazy_related_operation
from covet.database.orm.relationships.foreign import ForeignObject
from covet.database.orm.relationships.paths import PathInfo
from covet.database.orm.relationships.rels import ForeignObjectRel


class GenericRel(ForeignObjectRel):
    """A generic relation from the other model's side; queries know it by `related_query_name` only."""

    def __init__(
        self,
        field: Any,
        to: Any,
        related_name: str | None = None,
        related_query_name: str | None = None,
        limit_choices_to: Any = None,
    ) -> None:
        super().__init__(
            field,
            to,
            related_name=related_query_name or "+",
            related_query_name=related_query_name,
            limit_choices_to=limit_choices_to,
            on_delete=DO_NOTHING,
        )
        del related_name


class GenericRelation(ForeignObject[Any]):
    """The rows of another model that refer to this one by a GenericForeignKey.

    Args:
        to: the other model.
        object_id_field, content_type_field: the fields of its GenericForeignKey.
        for_concrete_model: as in the GenericForeignKey.
        related_query_name: what queries on the other model call the way here.
        limit_choices_to: as in a foreign key.
        **kwargs: options of `Field`.
    """

    auto_created = False
    empty_strings_allowed = False
    many_to_many = False
    many_to_one = False
    one_to_many = True
    one_to_one = False
    rel_class: ClassVar[type[Any]] = GenericRel
    mti_inherited = False

    def __init__(
        self,
        to: Any,
        object_id_field: str = "object_id",
        content_type_field: str = "content_type",
        for_concrete_model: bool = True,
        related_query_name: str | None = None,
        limit_choices_to: Any = None,
        **kwargs: Any,
    ) -> None:
        kwargs["rel"] = self.rel_class(
            self, to, related_query_name=related_query_name, limit_choices_to=limit_choices_to
        )
        kwargs.update(null=True, blank=True, editable=False, serialize=False)
        # The fields that meet are found when both models are known.
        super().__init__(to, DO_NOTHING, from_fields=[object_id_field], to_fields=[], **kwargs)
        self.object_id_field_name = object_id_field
        self.content_type_field_name = content_type_field
        self.for_concrete_model = for_concrete_model

    def resolve_related_fields(self) -> list[tuple[Any, Any]]:
        self.to_fields = [self.model._meta.pk.name]
        return [(self.remote_field.model._meta.get_field(self.object_id_field_name), self.model._meta.pk)]

    def get_local_related_value(self, instance: Any) -> tuple[Any, ...]:
        return self.get_instance_value_for_fields(instance, self.foreign_related_fields)

    def get_foreign_related_value(self, instance: Any) -> tuple[Any, ...]:
        # Keys may be kept as text: compared with primary keys, they must be what those are.
        values = self.get_instance_value_for_fields(instance, self.local_related_fields)
        pairs = zip(self.foreign_related_fields, values, strict=True)
        return tuple([there.to_python(value) for there, value in pairs])

    def _path_through_parents(self, filtered_relation: Any) -> list[PathInfo]:
        """The steps where the other model inherits its GenericForeignKey from a multi-table parent."""
        there = self.remote_field.model._meta
        parent = there.get_field(self.object_id_field_name).model
        target = there.pk
        path = [PathInfo(self.model._meta, parent._meta, (target,), self.remote_field, True, False, filtered_relation)]
        chain = []
        meta = there
        while parent is not meta.concrete_model:
            link = meta.get_ancestor_link(parent)
            chain.append(link)
            meta = link.remote_field.model._meta
        for link in reversed(chain):
            path.extend(link.reverse_path_infos)
        return path

    def get_path_info(self, filtered_relation: Any = None) -> list[PathInfo]:
        there = self.remote_field.model._meta
        if there.get_field(self.object_id_field_name).model != there.model:
            return self._path_through_parents(filtered_relation)
        return [PathInfo(self.model._meta, there, (there.pk,), self.remote_field, True, False, filtered_relation)]

    def get_reverse_path_info(self, filtered_relation: Any = None) -> list[PathInfo]:
        here, there = self.model._meta, self.remote_field.model._meta
        return [PathInfo(there, here, (here.pk,), self, False, False, filtered_relation)]

    def value_to_string(self, obj: Any) -> str:
        return json.dumps([related.pk for related in getattr(obj, self.name).all()])

    def contribute_to_class(self, cls: Any, name: str, private_only: bool = True, **kwargs: Any) -> None:
        del private_only
        if self.mti_inherited:
            # The way back leads to the parent's own field.
            self.remote_field.related_name = "+"
            self.remote_field.related_query_name = None
        super().contribute_to_class(cls, name, private_only=True, **kwargs)
        if cls._meta.abstract:
            return
        setattr(cls, self.name, ReverseGenericManyToOneDescriptor(self.remote_field))
        lazy_related_operation(self._add_order_methods, cls, self.remote_field.model)

    def check(self, **options: Any) -> list[Any]:
        # Without its other side it has no columns to look at.
        return list(check_generic_relation(self)) or super().check(**options)

    def _add_order_methods(self, model: Any, related: Any) -> None:
        """`get_<related>_order()` where the other model is ordered with respect to its GenericForeignKey."""
        if self.matches(related._meta.order_with_respect_to):
            give_order_methods(related, model)

    def matches(self, field: Any) -> bool:
        """Whether `field` is the other side: a GenericForeignKey of the same two fields."""
        return (
            isinstance(field, GenericForeignKey)
            and field.ct_field == self.content_type_field_name
            and field.fk_field == self.object_id_field_name
        )

    def set_attributes_from_rel(self) -> None:
        """Nothing: names are never taken from the other model."""

    def get_internal_type(self) -> str:
        return "ManyToManyField"

    extra_restriction_varies = False

    def get_extra_restriction(self, alias: str | None, related_alias: str | None) -> Any:
        """Only rows whose content type is this model's."""
        del alias
        field = self.remote_field.model._meta.get_field(self.content_type_field_name)
        meta = self.model._meta.concrete_model._meta if self.for_concrete_model else self.model._meta
        exact = field.get_lookup("exact")
        return WhereNode([exact(field.get_col(related_alias), ContentTypeId(meta.app_label, meta.model_name))])

    def bulk_related_objects(self, objs: Sequence[Any], using: str = "default") -> Any:
        """The rows that refer to any of `objs`; deletion takes them along."""
        related = self.remote_field.model
        content_type = related._meta.get_field(self.content_type_field_name).attname
        key = content_type_key(self.model, for_concrete_model=self.for_concrete_model, using=using)
        return related._base_manager.db_manager(using).filter(
            **{content_type: key, f"{self.object_id_field_name}__in": [obj.pk for obj in objs]}
        )
