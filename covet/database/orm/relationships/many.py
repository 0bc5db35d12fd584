"""ManyToManyField: a relation held in a table of its own, made unless one is named."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, overload

from covet.database.orm.naming import table_name
from covet.database.orm.on_delete import CASCADE
from covet.database.orm.registry import make_model_tuple
from covet.database.orm.relationships.base import (
    RECURSIVE_RELATIONSHIP_CONSTANT,
    RelatedField,
    lazy_related_operation,
    resolve_relation,
)
from covet.database.orm.relationships.foreign import ForeignKey
from covet.database.orm.relationships.paths import PathInfo
from covet.database.orm.relationships.rels import ManyToManyRel
from covet.exceptions import choices
from covet.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from covet.database.orm.related.typed import ManyRelatedManager

T = TypeVar("T")


class Making:
    """How the table between is made: the floor of models fills it in."""

    model: Callable[[str, Any, dict[str, Any]], Any]


def make_through_model(field: Any, model: Any) -> Any:
    """The model of the table between, as Django makes it."""
    target = resolve_relation(model, field.remote_field.model)
    name = f"{model._meta.object_name}_{field.name}"
    lazy_related_operation(_set_managed, model, target, name)
    to = make_model_tuple(target)[1]
    source = model._meta.model_name
    if to == source:
        to, source = f"to_{to}", f"from_{source}"
    meta = type(
        "Meta",
        (),
        {
            "db_table": field._get_m2m_db_table(model._meta),  # noqa: SLF001 - one module
            "auto_created": model,
            "app_label": model._meta.app_label,
            "db_tablespace": model._meta.db_tablespace,
            "unique_together": (source, to),
            "verbose_name": _("%(from)s-%(to)s relationship") % {"from": source, "to": to},
            "verbose_name_plural": _("%(from)s-%(to)s relationships") % {"from": source, "to": to},
            "apps": model._meta.apps,
        },
    )

    def key(other: Any) -> ForeignKey[Any]:
        return ForeignKey(
            other,
            CASCADE,
            related_name=f"{name}+",
            db_tablespace=field.db_tablespace,
            db_constraint=field.remote_field.db_constraint,
        )

    namespace = {"Meta": meta, "__module__": model.__module__, source: key(model), to: key(target)}
    return Making.model(name, model, namespace)


def _set_managed(model: Any, related: Any, through: Any) -> None:
    through._meta.managed = model._meta.managed or related._meta.managed


class ManyToManyField(RelatedField[T]):
    """A relation of many rows to many rows.

    Args:
        to: the other model, its label, or `self`.
        related_name, related_query_name, limit_choices_to: as in `RelatedField`.
        symmetrical: with `self`: a relation goes both ways; True unless told.
        through: the model of the table between, when it has more to say.
        through_fields: the names of its two foreign keys, when it has more of them.
        db_constraint: whether the made table has foreign keys.
        db_table: the made table's name.
        swappable: follow a setting that replaces the other model.
        **kwargs: options of `Field`.

    Raises:
        TypeError: `to` is no model. ValueError: options that do not go together.
    """

    many_to_many = True
    many_to_one = False
    one_to_many = False
    one_to_one = False
    rel_class: ClassVar[type[Any]] = ManyToManyRel
    accessor_class: ClassVar[Any] = None
    description = _("Many-to-many relationship")

    if TYPE_CHECKING:

        @overload  # type: ignore[override]
        def __get__(self, instance: None, owner: Any) -> Self: ...
        @overload
        def __get__(self, instance: object, owner: Any) -> ManyRelatedManager[T]: ...
        def __get__(self, instance: Any, owner: Any) -> Any: ...

    def __init__(
        self,
        to: type[T] | str,
        related_name: str | None = None,
        related_query_name: str | None = None,
        limit_choices_to: Any = None,
        symmetrical: bool | None = None,
        through: Any = None,
        through_fields: Any = None,
        db_constraint: bool = True,
        db_table: str | None = None,
        swappable: bool = True,
        **kwargs: Any,
    ) -> None:
        if not hasattr(to, "_meta") and not isinstance(to, str):
            kind = self.__class__.__name__
            raise TypeError(
                f"{kind}({to!r}) is invalid. First parameter to {kind} must be either a model, a model name, or the "
                f"string {RECURSIVE_RELATIONSHIP_CONSTANT!r}"
            )
        if symmetrical is None:
            symmetrical = to == RECURSIVE_RELATIONSHIP_CONSTANT
        if through is not None and db_table is not None:
            raise ValueError("Cannot specify a db_table if an intermediary model is used.")
        kwargs["rel"] = self.rel_class(
            self,
            to,
            related_name=related_name,
            related_query_name=related_query_name,
            limit_choices_to=limit_choices_to,
            symmetrical=symmetrical,
            through=through,
            through_fields=through_fields,
            db_constraint=db_constraint,
        )
        self.has_null_arg = "null" in kwargs
        super().__init__(
            related_name=related_name,
            related_query_name=related_query_name,
            limit_choices_to=limit_choices_to,
            **kwargs,
        )
        self.db_table = db_table
        self.swappable = swappable

    def __class_getitem__(cls, item: Any) -> Any:
        return cls

    def __copy__(self) -> Any:
        made = super().__copy__()
        for name in ("path_infos", "reverse_path_infos"):
            made.__dict__.pop(name, None)
        return made

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        remote = self.remote_field
        if self.db_table is not None:
            kwargs["db_table"] = self.db_table
        if remote.db_constraint is not True:
            kwargs["db_constraint"] = remote.db_constraint
        kwargs["to"] = self._target_label()
        through = remote.through
        if through is not None:
            if isinstance(through, str):
                kwargs["through"] = through
            elif not through._meta.auto_created:
                kwargs["through"] = through._meta.label
        if through is not None and remote.through_fields is not None:
            kwargs["through_fields"] = remote.through_fields
        return name, path, args, kwargs

    # --- paths --------------------------------------------------------------------------------

    def _steps(self, *, direct: bool, filtered_relation: Any = None) -> list[PathInfo]:
        meta = self.remote_field.through._meta
        source = meta.get_field(self.m2m_field_name())
        target = meta.get_field(self.m2m_reverse_field_name())
        if direct:
            there = source.reverse_path_infos
            back = target.get_path_info(filtered_relation) if filtered_relation else target.path_infos
        else:
            there = target.reverse_path_infos
            back = source.get_path_info(filtered_relation) if filtered_relation else source.path_infos
        arrived, leaving = there[-1].to_opts, back[0].from_opts
        between: list[Any] = []
        if arrived is not leaving:
            # The keys may belong to different models of one inheritance chain.
            if issubclass(arrived.model, leaving.model):
                between = arrived.get_path_to_parent(leaving.model)
            else:
                between = leaving.get_path_from_parent(arrived.model)
        return [*there, *between, *back]

    def get_path_info(self, filtered_relation: Any = None) -> list[PathInfo]:
        """The steps to the other model, through the table between."""
        return self._steps(direct=True, filtered_relation=filtered_relation)

    @functools.cached_property
    def path_infos(self) -> list[PathInfo]:
        """`get_path_info` without a filter."""
        return self.get_path_info()

    def get_reverse_path_info(self, filtered_relation: Any = None) -> list[PathInfo]:
        """The steps back from the other model."""
        return self._steps(direct=False, filtered_relation=filtered_relation)

    @functools.cached_property
    def reverse_path_infos(self) -> list[PathInfo]:
        """`get_reverse_path_info` without a filter."""
        return self.get_reverse_path_info()

    def get_joining_fields(self) -> tuple[Any, ...]:
        """No columns of its own join."""
        return ()

    # --- the table between --------------------------------------------------------------------

    def _get_m2m_db_table(self, meta: Any) -> str:
        """The name of the table between."""
        through = self.remote_field.through
        if through is not None and not isinstance(through, str):
            return str(through._meta.db_table)
        if self.db_table:
            return self.db_table
        return table_name(f"{meta.db_table.strip(chr(34))}_{self.name}")

    def _key_of_source(self, related: Any) -> Any:
        """The through model's key to this model."""
        return self._key(related.related_model, first=True, related=related)

    def _key_of_target(self, related: Any) -> Any:
        """The through model's key to the other model."""
        return self._key(related.model, first=False, related=related)

    def _key(self, model: Any, *, first: bool, related: Any) -> Any:
        meta = self.remote_field.through._meta
        named = self.remote_field.through_fields
        wanted = named[0 if first else 1] if named else None
        same = related.related_model == related.model
        matched = []
        for field in meta.fields:
            remote = field.remote_field if field.is_relation else None
            if remote is None or remote.model != model:
                continue
            if wanted is not None:
                if field.name == wanted:
                    return field
            else:
                matched.append(field)
        if not matched:
            keys = [field.name for field in meta.fields if field.is_relation]
            where = f"{meta.object_name} has no foreign key to {model._meta.object_name}"
            raise ValueError(f"{where}; choose through_fields of: {', '.join(choices(wanted or '', keys))}")
        if first or not same:
            return matched[0]
        # A relation to the model itself: the second key is the target.
        return matched[1] if len(matched) > 1 else matched[0]

    def m2m_db_table(self) -> str:
        """The name of the table between."""
        return self._get_m2m_db_table(self.model._meta)

    def m2m_column_name(self) -> str:
        """The column that refers to this model."""
        return str(self._key_of_source(self.remote_field).column)

    def m2m_reverse_name(self) -> str:
        """The column that refers to the other model."""
        return str(self._key_of_target(self.remote_field).column)

    def m2m_field_name(self) -> str:
        """The field that refers to this model."""
        return str(self._key_of_source(self.remote_field).name)

    def m2m_reverse_field_name(self) -> str:
        """The field that refers to the other model."""
        return str(self._key_of_target(self.remote_field).name)

    def m2m_target_field_name(self) -> str:
        """The field of this model that is referred to."""
        return str(self._key_of_source(self.remote_field).remote_field.field_name)

    def m2m_reverse_target_field_name(self) -> str:
        """The field of the other model that is referred to."""
        return str(self._key_of_target(self.remote_field).remote_field.field_name)

    # --- joining a model ----------------------------------------------------------------------

    def contribute_to_class(self, cls: Any, name: str, private_only: bool = False, **kwargs: Any) -> None:
        remote = self.remote_field
        if remote.symmetrical and remote.model in {RECURSIVE_RELATIONSHIP_CONSTANT, cls._meta.object_name, cls}:
            remote.related_name = f"{name}_rel_+"
        elif remote.hidden:
            remote.related_name = f"_{cls._meta.app_label}_{cls.__name__.lower()}_{name}_+"
        super().contribute_to_class(cls, name, private_only, **kwargs)
        if not cls._meta.abstract:
            if remote.through:
                lazy_related_operation(_resolve_through, cls, remote.through, field=self)
            elif not cls._meta.swapped:
                remote.through = make_through_model(self, cls)
        if self.accessor_class is not None:
            setattr(cls, self.name, self.accessor_class(remote, reverse=False))

    def contribute_to_related_class(self, cls: Any, related: Any) -> None:
        if not self.remote_field.hidden and not related.related_model._meta.swapped and self.accessor_class is not None:
            setattr(cls, related.get_accessor_name(), self.accessor_class(self.remote_field, reverse=True))

    def set_attributes_from_rel(self) -> None:
        """Nothing: names are never taken from the other model."""

    def value_from_object(self, obj: Any) -> Any:
        return [] if obj.pk is None else list(getattr(obj, self.attname).all())

    async def save_form_data(self, instance: Any, data: Any) -> None:  # type: ignore[override]
        """Set the related objects from a form's cleaned data."""
        await getattr(instance, self.attname).set(data)

    def db_check(self, connection: Any) -> str | None:
        del connection
        return None

    def db_parameters(self, connection: Any) -> dict[str, Any]:
        del connection
        return {"type": None, "check": None}


def _resolve_through(_model: Any, through: Any, *, field: Any) -> None:
    field.remote_field.through = through
