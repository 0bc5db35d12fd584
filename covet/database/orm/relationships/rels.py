"""Relations seen from the other model: what `author.post_set` and `filter(post__title=…)` go through."""

from __future__ import annotations

import functools
from typing import Any

from covet.database.orm.expressions.refs import ColPairs
from covet.database.orm.fields.base import Field
from covet.database.orm.fields.choices import BLANK_CHOICE_DASH
from covet.database.orm.lookups.registry import RegisterLookupMixin
from covet.database.orm.relationships.paths import FieldCacheMixin, warn_of_columns
from covet.exceptions import FieldDoesNotExist, FieldError


class ForeignObjectRel(FieldCacheMixin):
    """The reverse side of a relation field.

    Args:
        field: the field that declares the relation. to: the model it points to.
        related_name, related_query_name, limit_choices_to, parent_link, on_delete: the field's options.
    """

    auto_created = True
    concrete = False
    editable = False
    is_relation = True
    null = True
    empty_strings_allowed = False
    unique = False
    generated = False

    def __init__(
        self,
        field: Any,
        to: Any,
        related_name: str | None = None,
        related_query_name: str | None = None,
        limit_choices_to: Any = None,
        parent_link: bool = False,
        on_delete: Any = None,
    ) -> None:
        self.field = field
        self.model = to
        self.related_name = related_name
        self.related_query_name = related_query_name
        self.limit_choices_to = {} if limit_choices_to is None else limit_choices_to
        self.parent_link = parent_link
        self.on_delete = on_delete
        self.symmetrical = False
        self.multiple = True
        self.field_name: Any = None

    @property
    def hidden(self) -> bool:
        """Whether the other model has no accessor (`related_name='+'`)."""
        return bool(self.related_name) and str(self.related_name).endswith("+")

    def is_hidden(self) -> bool:
        """`hidden`, as a method."""
        return self.hidden

    @property
    def name(self) -> str:
        """What queries call the relation."""
        return str(self.field.related_query_name())

    @property
    def remote_field(self) -> Any:
        """The field that declares the relation."""
        return self.field

    @property
    def target_field(self) -> Any:
        """The field that a forward relation's value is compared with.

        Raises:
            FieldError: there are several.
        """
        fields = self.get_path_info()[-1].target_fields
        if len(fields) > 1:
            raise FieldError("Can't use target_field for multicolumn relations.")
        return fields[0]

    @property
    def related_model(self) -> Any:
        """The model that declares the relation.

        Raises:
            AttributeError: the field is not part of a model yet.
        """
        if not self.field.model:
            message = "This property can't be accessed before self.field.contribute_to_class has been called."
            raise AttributeError(message)
        return self.field.model

    @property
    def many_to_many(self) -> Any:
        """Whether many meet many."""
        return self.field.many_to_many

    @property
    def many_to_one(self) -> Any:
        """Whether many rows here meet one there."""
        return self.field.one_to_many

    @property
    def one_to_many(self) -> Any:
        """Whether one row here meets many there."""
        return self.field.many_to_one

    @property
    def one_to_one(self) -> Any:
        """Whether one meets one."""
        return self.field.one_to_one

    def get_lookup(self, lookup_name: str) -> Any:
        """The field's lookup."""
        return self.field.get_lookup(lookup_name)

    def get_lookups(self) -> Any:
        """The field's lookups."""
        return self.field.get_lookups()

    def get_transform(self, name: str) -> Any:
        """The field's transform."""
        return self.field.get_transform(name)

    def get_internal_type(self) -> Any:
        """The field's kind."""
        return self.field.get_internal_type()

    @property
    def db_type(self) -> Any:
        """The field's `db_type`."""
        return self.field.db_type

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.related_model._meta.app_label}.{self.related_model._meta.model_name}>"

    @property
    def identity(self) -> tuple[Any, ...]:
        """What makes two relations equal."""
        return (
            self.field,
            self.model,
            self.related_name,
            self.related_query_name,
            _hashable(self.limit_choices_to),
            self.parent_link,
            self.on_delete,
            self.symmetrical,
            self.multiple,
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, self.__class__):
            return NotImplemented
        return self.identity == other.identity

    def __hash__(self) -> int:
        return hash(self.identity)

    def get_choices(
        self,
        include_blank: bool = True,
        blank_choice: Any = BLANK_CHOICE_DASH,
        limit_choices_to: Any = None,
        ordering: Any = (),
    ) -> list[tuple[Any, str]]:
        """The related objects as choices; inside a portal."""
        limit_choices_to = limit_choices_to or self.limit_choices_to
        rows = self.related_model._default_manager.complex_filter(limit_choices_to)
        if ordering:
            rows = rows.order_by(*ordering)
        return (list(blank_choice) if include_blank else []) + [(row.pk, str(row)) for row in rows]

    def get_joining_fields(self) -> tuple[Any, ...]:
        """Pairs of this model's and the other's field."""
        return self.field.get_reverse_joining_fields()  # type: ignore[no-any-return]

    def get_joining_columns(self) -> tuple[Any, ...]:
        """Pairs of this model's and the other's column; deprecated, as in Django."""
        warn_of_columns("ForeignObjectRel.get_joining_columns", "get_joining_fields")
        return tuple((here.column, there.column) for here, there in self.get_joining_fields())

    def get_col_pairs(self, alias: str, targets: Any, sources: Any) -> ColPairs:
        """The columns of a relation over several, as one expression."""
        return ColPairs(alias, targets, sources, self)

    @property
    def has_extra_restriction(self) -> bool:
        """Whether the join has a condition of its own."""
        return bool(getattr(self.field, "has_extra_restriction", False))

    @property
    def extra_restriction_varies(self) -> bool:
        """Whether the relation's restriction may differ from query to query."""
        return bool(getattr(self.field, "extra_restriction_varies", False))

    def get_extra_restriction(self, alias: str | None, related_alias: str | None) -> Any:
        """The join's own condition, or None."""
        return self.field.get_extra_restriction(related_alias, alias)

    def set_field_name(self) -> None:
        """Nothing: several columns may be joined."""
        self.field_name = None

    def get_accessor_name(self, model: Any = None) -> str | None:
        """The attribute of the other model's instances: `related_name`, else `model_set` or `model`."""
        model = model or self.related_model
        if self.multiple and self.symmetrical and model == self.model:
            return None
        if self.related_name:
            return self.related_name
        name = str(model._meta.model_name)
        return f"{name}_set" if self.multiple else name

    @property
    def accessor_name(self) -> str | None:
        """`get_accessor_name()`."""
        return self.get_accessor_name()

    def get_path_info(self, filtered_relation: Any = None) -> list[Any]:
        """The steps of the relation, backwards."""
        if filtered_relation:
            return self.field.get_reverse_path_info(filtered_relation)  # type: ignore[no-any-return]
        return self.field.reverse_path_infos  # type: ignore[no-any-return]

    @functools.cached_property
    def path_infos(self) -> list[Any]:
        """`get_path_info` without a filter."""
        return self.get_path_info()

    def sa_type(self) -> Any:
        """The column type of what the other side compares with."""
        return self.target_field.sa_type()

    def get_db_converters(self, connection: Any) -> list[Any]:
        """Those of the target column."""
        return self.target_field.get_db_converters(connection)  # type: ignore[no-any-return]

    @property
    def cache_name(self) -> Any:
        """The key of the cached related object."""
        return self.get_accessor_name()

    def __copy__(self) -> Any:
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__)
        made.__dict__.pop("path_infos", None)
        return made

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        state.pop("path_infos", None)
        return state


def _hashable(value: Any) -> Any:
    if isinstance(value, dict):
        return tuple((key, _hashable(item)) for key, item in sorted(value.items()))
    if isinstance(value, (list, tuple, set)):
        return tuple(_hashable(item) for item in value)
    try:
        hash(value)
    except TypeError:
        return id(value)
    return value


class ManyToOneRel(ForeignObjectRel):
    """A foreign key from the other side.

    Args:
        field, to: as in `ForeignObjectRel`.
        field_name: the name of the field that the key refers to; None is the primary key.
        **options: as in `ForeignObjectRel`.
    """

    def __init__(self, field: Any, to: Any, field_name: str | None, **options: Any) -> None:
        super().__init__(field, to, **options)
        self.field_name = field_name

    @property
    def identity(self) -> tuple[Any, ...]:
        return (*super().identity, self.field_name)

    def get_related_field(self) -> Field[Any]:
        """The field that the key refers to.

        Raises:
            FieldDoesNotExist: it has no column.
        """
        field = self.model._meta.get_field(self.field_name)
        if not field.concrete:
            raise FieldDoesNotExist(f"No related field named '{self.field_name}'")
        return field  # type: ignore[no-any-return]

    def set_field_name(self) -> None:
        self.field_name = self.field_name or self.model._meta.pk.name


class OneToOneRel(ManyToOneRel):
    """A one-to-one field from the other side."""

    def __init__(self, field: Any, to: Any, field_name: str | None, **options: Any) -> None:
        super().__init__(field, to, field_name, **options)
        self.multiple = False


class ManyToManyRel(ForeignObjectRel):
    """A many-to-many field from the other side.

    Args:
        field, to: as in `ForeignObjectRel`.
        symmetrical, through, through_fields, db_constraint: the field's options.
        **options: as in `ForeignObjectRel`.

    Raises:
        ValueError: `through_fields` without `through`, or `through` without database constraints.
    """

    def __init__(
        self,
        field: Any,
        to: Any,
        *,
        symmetrical: bool = True,
        through: Any = None,
        through_fields: Any = None,
        db_constraint: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(field, to, **options)
        if through and not db_constraint:
            raise ValueError("Can't supply a through model and db_constraint=False")
        self.through = through
        if through_fields and not through:
            raise ValueError("Cannot specify through_fields without a through model")
        self.through_fields = through_fields
        self.symmetrical = symmetrical
        self.db_constraint = db_constraint

    @property
    def identity(self) -> tuple[Any, ...]:
        return (*super().identity, self.through, _hashable(self.through_fields), self.db_constraint)

    def get_related_field(self) -> Any:
        """The field of the target that the through table refers to."""
        meta = self.through._meta
        if self.through_fields:
            return meta.get_field(self.through_fields[0]).foreign_related_fields[0]
        for field in meta.fields:
            remote = getattr(field, "remote_field", None)
            if remote and remote.model == self.model:
                return field.foreign_related_fields[0]
        return None


__all__ = ["ForeignObjectRel", "ManyToManyRel", "ManyToOneRel", "OneToOneRel", "RegisterLookupMixin"]
