"""Relations held in the model's own columns: ForeignKey, OneToOneField and the many-column ForeignObject."""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Literal, TypeVar, overload

from covet.database.orm.expressions.refs import ColPairs
from covet.database.orm.fields.base import Field
from covet.database.orm.fields.values import Related, Target
from covet.database.orm.relationships.base import (
    RECURSIVE_RELATIONSHIP_CONSTANT,
    RelatedField,
    on_delete_choice,
)
from covet.database.orm.relationships.paths import PathInfo, warn_of_columns
from covet.database.orm.relationships.rels import ForeignObjectRel, ManyToOneRel, OneToOneRel
from covet.database.orm.routers import router
from covet.database.orm.types import Storage
from covet.exceptions import FieldError, ValidationError
from covet.utils.translation import gettext_lazy as _

T = TypeVar("T")


class ForeignObject(RelatedField[T]):
    """A relation over given columns of both models.

    Args:
        to: the other model, its label, or `self`.
        on_delete: what happens to this row when the other is deleted.
        from_fields, to_fields: field names, pair by pair; `self` and None stand for this field and
            the other's primary key.
        rel: the relation object. parent_link: links a child to its multi-table parent.
        swappable: follow a setting that replaces the other model.
        related_name, related_query_name, limit_choices_to, **kwargs: as in `RelatedField`.

    The descriptors for instances are set by the floor of related objects:
    `forward_related_accessor_class`, `related_accessor_class`.
    """

    many_to_many = False
    many_to_one = True
    one_to_many = False
    one_to_one = False
    requires_unique_target = True
    rel_class: ClassVar[type[Any]] = ForeignObjectRel
    forward_related_accessor_class: ClassVar[Any] = None
    related_accessor_class: ClassVar[Any] = None

    def __init__(
        self,
        to: Any,
        on_delete: Any,
        from_fields: Sequence[str],
        to_fields: Sequence[str | None],
        rel: Any = None,
        related_name: str | None = None,
        related_query_name: str | None = None,
        limit_choices_to: Any = None,
        parent_link: bool = False,
        swappable: bool = True,
        **kwargs: Any,
    ) -> None:
        if rel is None:
            rel = self.rel_class(
                self,
                to,
                related_name=related_name,
                related_query_name=related_query_name,
                limit_choices_to=limit_choices_to,
                parent_link=parent_link,
                on_delete=on_delete_choice(on_delete),
            )
        super().__init__(
            rel=rel,
            related_name=related_name,
            related_query_name=related_query_name,
            limit_choices_to=limit_choices_to,
            **kwargs,
        )
        self.from_fields = from_fields
        self.to_fields = to_fields
        self.swappable = swappable

    def __copy__(self) -> Any:
        made = super().__copy__()
        for name in _CACHES:
            made.__dict__.pop(name, None)
        return made

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        kwargs["on_delete"] = self.remote_field.on_delete
        kwargs["from_fields"] = self.from_fields
        kwargs["to_fields"] = self.to_fields
        if self.remote_field.parent_link:
            kwargs["parent_link"] = self.remote_field.parent_link
        kwargs["to"] = self._target_label()
        return name, path, args, kwargs

    # --- the fields that meet -----------------------------------------------------------------

    def resolve_related_fields(self) -> list[tuple[Any, Any]]:
        """Pairs of this model's and the other's field.

        Raises:
            ValueError: the lists do not fit each other, or the other model is not defined.
        """
        if not 1 <= len(self.from_fields) == len(self.to_fields):
            raise ValueError("Foreign Object from and to fields must be the same non-zero length")
        target = self.remote_field.model
        if isinstance(target, str):
            raise ValueError(f"Related model {target!r} cannot be resolved")
        pairs = []
        for here, there in zip(self.from_fields, self.to_fields, strict=True):
            local = self if here == RECURSIVE_RELATIONSHIP_CONSTANT else self.opts.get_field(here)
            foreign = target._meta.pk if there is None else target._meta.get_field(there)
            pairs.append((local, foreign))
        return pairs

    @functools.cached_property
    def related_fields(self) -> list[tuple[Any, Any]]:
        """Pairs of this model's and the other's field."""
        return self.resolve_related_fields()

    @functools.cached_property
    def reverse_related_fields(self) -> list[tuple[Any, Any]]:
        """Pairs of the other's and this model's field."""
        return [(there, here) for here, there in self.related_fields]

    @functools.cached_property
    def local_related_fields(self) -> tuple[Any, ...]:
        """This model's fields."""
        return tuple(here for here, _there in self.related_fields)

    @functools.cached_property
    def foreign_related_fields(self) -> tuple[Any, ...]:
        """The other's fields."""
        return tuple(there for _here, there in self.related_fields if there)

    def get_local_related_value(self, instance: Any) -> tuple[Any, ...]:
        """The values of this model's fields."""
        return self.get_instance_value_for_fields(instance, self.local_related_fields)

    def get_foreign_related_value(self, instance: Any) -> tuple[Any, ...]:
        """The values of the other's fields."""
        return self.get_instance_value_for_fields(instance, self.foreign_related_fields)

    @staticmethod
    def get_instance_value_for_fields(instance: Any, fields: Iterable[Any]) -> tuple[Any, ...]:
        """The values of the fields on `instance`; a child's own key stands for its parent's."""
        meta = instance._meta
        values = []
        for field in fields:
            if field.primary_key:
                link = meta.get_ancestor_link(field.model)
                if not link or link.primary_key or field.model._meta.abstract:
                    values.append(instance.pk)
                    continue
            values.append(getattr(instance, field.attname))
        return tuple(values)

    def get_attname_column(self) -> tuple[str, Any]:
        attname, _column = super().get_attname_column()
        return attname, None

    def get_joining_fields(self, reverse_join: bool = False) -> tuple[Any, ...]:
        """Pairs of fields that are equal in joined rows."""
        return tuple(self.reverse_related_fields if reverse_join else self.related_fields)

    def get_reverse_joining_fields(self) -> tuple[Any, ...]:
        """The same, from the other model's side."""
        return self.get_joining_fields(reverse_join=True)

    def get_joining_columns(self, reverse_join: bool = False) -> tuple[Any, ...]:
        """Pairs of columns that are equal in joined rows; deprecated, as in Django."""
        warn_of_columns("ForeignObject.get_joining_columns", "get_joining_fields")
        return tuple((here.column, there.column) for here, there in self.get_joining_fields(reverse_join))

    def get_reverse_joining_columns(self) -> tuple[Any, ...]:
        """The same, from the other model's side."""
        warn_of_columns("ForeignObject.get_reverse_joining_columns", "get_reverse_joining_fields")
        return tuple((here.column, there.column) for here, there in self.get_joining_fields(reverse_join=True))

    def get_col_pairs(self, alias: str, targets: Sequence[Any], sources: Sequence[Any]) -> ColPairs:
        """The columns of a relation over several, as one expression."""
        return ColPairs(alias, targets, sources, self)

    @property
    def has_extra_restriction(self) -> bool:
        """Whether `get_extra_restriction` was overridden."""
        return type(self).get_extra_restriction is not Field.get_extra_restriction

    @property
    def extra_restriction_varies(self) -> bool:
        """Whether the restriction may differ from query to query (by language, say): no statement with it is kept."""
        return self.has_extra_restriction

    def get_extra_descriptor_filter(self, instance: Any) -> Any:
        """A further condition (mapping or Q) on the object that the accessor finds."""
        del instance
        return {}

    @property
    def has_extra_descriptor_filter(self) -> bool:
        """Whether a field class of a project's own adds conditions to what the accessor finds."""
        return type(self).get_extra_descriptor_filter is not ForeignObject.get_extra_descriptor_filter

    # --- paths --------------------------------------------------------------------------------

    def get_path_info(self, filtered_relation: Any = None) -> list[PathInfo]:
        """The step to the other model."""
        there = self.remote_field.model._meta
        return [PathInfo(self.model._meta, there, self.foreign_related_fields, self, False, True, filtered_relation)]

    @functools.cached_property
    def path_infos(self) -> list[PathInfo]:
        """`get_path_info` without a filter."""
        return self.get_path_info()

    def get_reverse_path_info(self, filtered_relation: Any = None) -> list[PathInfo]:
        """The step back from the other model."""
        here = self.model._meta
        there = self.remote_field.model._meta
        many = not self.unique
        return [PathInfo(there, here, (here.pk,), self.remote_field, many, False, filtered_relation)]

    @functools.cached_property
    def reverse_path_infos(self) -> list[PathInfo]:
        """`get_reverse_path_info` without a filter."""
        return self.get_reverse_path_info()

    # --- joining a model ----------------------------------------------------------------------

    def contribute_to_class(self, cls: Any, name: str, private_only: bool = False, **kwargs: Any) -> None:
        super().contribute_to_class(cls, name, private_only, **kwargs)
        accessor = self.forward_related_accessor_class
        if accessor is not None:
            setattr(cls, self.name, accessor(self))

    def contribute_to_related_class(self, cls: Any, related: Any) -> None:
        if not self.remote_field.hidden and not related.related_model._meta.swapped:
            accessor = self.related_accessor_class
            if accessor is not None:
                setattr(cls._meta.concrete_model, related.get_accessor_name(), accessor(related))
            if self.remote_field.limit_choices_to:
                cls._meta.related_fkey_lookups.append(self.remote_field.limit_choices_to)


_CACHES = (
    "related_fields",
    "reverse_related_fields",
    "local_related_fields",
    "foreign_related_fields",
    "path_infos",
    "reverse_path_infos",
)


class ForeignKey(ForeignObject[Related]):
    """A key that refers to a row of another model.

    Args:
        to: the other model, its label, or `self`.
        on_delete: what happens to this row when the other is deleted: `CASCADE`, `SET_NULL` …, or its name.
        related_name, related_query_name, limit_choices_to, parent_link: as in `ForeignObject`.
        to_field: the other's unique field that the key holds; None is the primary key.
        db_constraint: whether the database has a foreign key.
        **kwargs: options of `Field`.

    Raises:
        TypeError: `to` is no model, or `on_delete` is unknown.
    """

    descriptor_class: ClassVar[Any] = ForeignObject.descriptor_class
    rel_class: ClassVar[type[Any]] = ManyToOneRel
    empty_strings_allowed = False
    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid": _("%(model)s instance with %(field)s %(value)r is not a valid choice.")
    }
    description = _("Foreign Key (type determined by related field)")

    @overload
    def __init__(
        self: ForeignKey[Target | None],
        to: type[Target] | str,
        on_delete: Any,
        related_name: str | None = None,
        related_query_name: str | None = None,
        limit_choices_to: Any = None,
        parent_link: bool = False,
        to_field: str | None = None,
        db_constraint: bool = True,
        *,
        null: Literal[True],
        **kwargs: Any,
    ) -> None: ...
    @overload
    def __init__(
        self: ForeignKey[Target | None],
        to: type[Target] | str,
        on_delete: Any,
        related_name: str | None = None,
        related_query_name: str | None = None,
        limit_choices_to: Any = None,
        parent_link: bool = False,
        to_field: str | None = None,
        db_constraint: bool = True,
        *,
        nullable: Literal[True],
        **kwargs: Any,
    ) -> None: ...
    @overload
    def __init__(
        self: ForeignKey[Target],
        to: type[Target] | str,
        on_delete: Any,
        related_name: str | None = None,
        related_query_name: str | None = None,
        limit_choices_to: Any = None,
        parent_link: bool = False,
        to_field: str | None = None,
        db_constraint: bool = True,
        **kwargs: Any,
    ) -> None: ...

    def __init__(
        self,
        to: Any,
        on_delete: Any,
        related_name: str | None = None,
        related_query_name: str | None = None,
        limit_choices_to: Any = None,
        parent_link: bool = False,
        to_field: str | None = None,
        db_constraint: bool = True,
        **kwargs: Any,
    ) -> None:
        meta = getattr(to, "_meta", None)
        if meta is not None:
            to_field = to_field or (meta.pk and meta.pk.name)
        elif not isinstance(to, str):
            kind = self.__class__.__name__
            raise TypeError(
                f"{kind}({to!r}) is invalid. First parameter to {kind} must be either a model, a model name, or the "
                f"string {RECURSIVE_RELATIONSHIP_CONSTANT!r}"
            )
        kwargs["rel"] = self.rel_class(
            self,
            to,
            to_field,
            related_name=related_name,
            related_query_name=related_query_name,
            limit_choices_to=limit_choices_to,
            parent_link=parent_link,
            on_delete=on_delete_choice(on_delete),
        )
        kwargs.setdefault("db_index", True)
        super().__init__(
            to,
            on_delete,
            related_name=related_name,
            related_query_name=related_query_name,
            limit_choices_to=limit_choices_to,
            from_fields=[RECURSIVE_RELATIONSHIP_CONSTANT],
            to_fields=[to_field],
            **kwargs,
        )
        self.db_constraint = db_constraint

    def __class_getitem__(cls, item: Any) -> Any:
        return cls

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        made = super().__deepcopy__(memo)
        made.to_fields = copy.copy(self.to_fields)
        return made

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        del kwargs["to_fields"], kwargs["from_fields"]
        if self.db_index:
            del kwargs["db_index"]
        else:
            kwargs["db_index"] = False
        if self.db_constraint is not True:
            kwargs["db_constraint"] = self.db_constraint
        meta = getattr(self.remote_field.model, "_meta", None)
        target = self.remote_field.field_name
        if target and (not meta or (meta.pk and target != meta.pk.name)):
            kwargs["to_field"] = target
        return name, path, args, kwargs

    def resolve_related_fields(self) -> list[tuple[Any, Any]]:
        pairs = super().resolve_related_fields()
        owner = self.remote_field.model._meta.concrete_model
        for _here, there in pairs:
            if there and there.model._meta.concrete_model is not owner:
                raise FieldError(
                    f"'{self.model._meta.label}.{self.name}' refers to field '{there.name}' which is not local to "
                    f"model '{owner._meta.label}'."
                )
        return pairs

    def to_python(self, value: Any) -> Any:
        return self.target_field.to_python(value)

    @property
    def target_field(self) -> Any:
        """The other model's field whose value the key holds."""
        return self.foreign_related_fields[0]

    def get_reverse_path_info(self, filtered_relation: Any = None) -> list[PathInfo]:
        return super().get_reverse_path_info(filtered_relation)

    def validate(self, value: Any, model_instance: Any) -> None:
        if not self.remote_field.parent_link:
            super().validate(value, model_instance)

    async def validate_exists(self, value: Any, model_instance: Any) -> None:
        """Ask the database whether the referred row exists and may be chosen; `full_clean` awaits it.

        Raises:
            ValidationError: it does not.
        """
        if value is None or self.remote_field.parent_link:
            return
        using = router.db_for_read(self.remote_field.model, instance=model_instance)
        rows = self.remote_field.model._base_manager.using(using).filter(**{self.remote_field.field_name: value})
        if not await rows.complex_filter(self.get_limit_choices_to()).exists():
            raise ValidationError(
                self.error_messages["invalid"],
                code="invalid",
                params={
                    "model": self.remote_field.model._meta.verbose_name,
                    "pk": value,
                    "field": self.remote_field.field_name,
                    "value": value,
                },
            )

    def get_attname(self) -> str:
        return f"{self.name}_id"

    def get_attname_column(self) -> tuple[str, Any]:
        attname = self.get_attname()
        return attname, self.db_column or attname

    def get_default(self) -> Any:
        """The default key; an instance given as default stands for its key."""
        value = super().get_default()
        if isinstance(value, self.remote_field.model):
            return getattr(value, self.target_field.attname)
        return value

    def get_prep_value(self, value: Any) -> Any:
        return self.target_field.get_prep_value(value)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return self.target_field.get_db_prep_value(value, connection, prepared)

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        return None if value is None else self.target_field.get_db_prep_save(value, connection=connection)

    def contribute_to_related_class(self, cls: Any, related: Any) -> None:
        super().contribute_to_related_class(cls, related)
        if self.remote_field.field_name is None:
            self.remote_field.field_name = cls._meta.pk.name

    def db_check(self, connection: Any) -> str | None:
        del connection
        return None

    def db_type(self, connection: Any) -> str | None:
        return self.target_field.rel_db_type(connection=connection)  # type: ignore[no-any-return]

    def cast_db_type(self, connection: Any) -> str | None:
        return self.target_field.cast_db_type(connection=connection)  # type: ignore[no-any-return]

    def db_parameters(self, connection: Any) -> dict[str, Any]:
        target = self.target_field.db_parameters(connection)
        return {"type": self.db_type(connection), "check": None, "collation": target.get("collation")}

    def _make_storage(self) -> Storage:
        made: Storage = copy.copy(self.target_field.sa_type())
        made.__dict__.pop("_static_cache_key", None)
        made.spelling = self._spelling()
        return made

    def get_col(self, alias: str, output_field: Any = None) -> Any:
        """The column, whose values are the target's.

        Raises:
            ValueError: the key refers to itself.
        """
        if output_field is None:
            output_field = self.target_field
            while isinstance(output_field, ForeignKey):
                output_field = output_field.target_field
                if output_field is self:
                    raise ValueError("Cannot resolve output_field.")
        return super().get_col(alias, output_field)

    def get_db_converters(self, connection: Any) -> list[Any]:
        return super().get_db_converters(connection)


class OneToOneField(ForeignKey[Related]):
    """A key that at most one row of this model has for a row of the other.

    Args:
        to, on_delete, to_field, **kwargs: as in `ForeignKey`.
    """

    many_to_many = False
    many_to_one = False
    one_to_many = False
    one_to_one = True
    rel_class: ClassVar[type[Any]] = OneToOneRel
    description = _("One-to-one relationship")

    @overload
    def __init__(
        self: OneToOneField[Target | None],
        to: type[Target] | str,
        on_delete: Any,
        to_field: str | None = None,
        *,
        null: Literal[True],
        **kwargs: Any,
    ) -> None: ...
    @overload
    def __init__(
        self: OneToOneField[Target | None],
        to: type[Target] | str,
        on_delete: Any,
        to_field: str | None = None,
        *,
        nullable: Literal[True],
        **kwargs: Any,
    ) -> None: ...
    @overload
    def __init__(
        self: OneToOneField[Target],
        to: type[Target] | str,
        on_delete: Any,
        to_field: str | None = None,
        **kwargs: Any,
    ) -> None: ...

    def __init__(self, to: Any, on_delete: Any, to_field: str | None = None, **kwargs: Any) -> None:
        kwargs["unique"] = True
        super().__init__(to, on_delete, to_field=to_field, **kwargs)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("unique", None)
        return name, path, args, kwargs

    def save_form_data(self, instance: Any, data: Any) -> None:
        if isinstance(data, self.remote_field.model):
            setattr(instance, self.name, data)
        else:
            setattr(instance, self.attname, data)
            if data is None:
                setattr(instance, self.name, None)


__all__ = ["FieldError", "ForeignKey", "ForeignObject", "OneToOneField"]
