"""Checks of relations: that the other model exists, that nothing hides its accessor, that on_delete can be done."""

from __future__ import annotations

import keyword
from collections.abc import Iterator
from typing import Any

from covet.conf import settings
from covet.database.orm.checks.through import check_through
from covet.database.orm.on_delete import SET_DEFAULT, SET_NULL
from covet.database.orm.relationships.foreign import ForeignKey, ForeignObject
from covet.database.orm.relationships.many import ManyToManyField
from covet.exceptions import FieldDoesNotExist
from covet.utils.checks import CheckMessage, Error, Warning


def check_relation(field: Any) -> Iterator[CheckMessage]:
    """Everything that is wrong with a relation's declaration."""
    if not field.is_relation or not hasattr(field.remote_field, "related_name"):
        return
    yield from _related_name(field)
    yield from _target(field)
    if isinstance(field, ForeignKey):
        yield from _foreign_key(field)
    elif isinstance(field, ForeignObject):
        yield from _unique_target(field)
    elif isinstance(field, ManyToManyField):
        yield from _many(field)
    if not isinstance(field.remote_field.model, str):
        yield from _clashes(field)


def _related_name(field: Any) -> Iterator[CheckMessage]:
    name = field._related_name  # noqa: SLF001 - as given
    if name is not None:
        plain = name % {"class": "c", "model_name": "m", "app_label": "a"} if "%" in name else name
        if not (plain.isidentifier() and not keyword.iskeyword(plain)) and not plain.endswith("+"):
            yield Error(
                f"The name '{name}' is invalid related_name for field {field.model._meta.object_name}.{field.name}",
                hint="Related name must be a valid Python identifier or end with a '+'",
                obj=field,
                id="fields.E306",
            )
    if field.remote_field.hidden:
        return
    query_name = field.related_query_name()
    hint = "Add or change a related_name or related_query_name argument for this field."
    if query_name.endswith("_"):
        message = f"Reverse query name '{query_name}' must not end with an underscore."
        yield Error(message, hint=hint, obj=field, id="fields.E308")
    if "__" in query_name:
        message = f"Reverse query name '{query_name}' must not contain '__'."
        yield Error(message, hint=hint, obj=field, id="fields.E309")


def _target(field: Any) -> Iterator[CheckMessage]:
    target = field.remote_field.model
    if isinstance(target, str) or target not in field.model._meta.apps.get_models(
        include_auto_created=True, include_swapped=True
    ):
        name = target if isinstance(target, str) else target._meta.object_name
        name = name.rpartition(".")[2] if isinstance(target, str) and name.startswith(_label(field)) else name
        message = f"Field defines a relation with model '{name}', which is either not installed, or is abstract."
        yield Error(message, obj=field, id="fields.E300")
    elif target._meta.swapped:
        yield Error(
            f"Field defines a relation with the model '{target._meta.label}', which has been swapped out.",
            hint=f"Update the relation to point at 'settings.{target._meta.swappable}'.",
            obj=field,
            id="fields.E301",
        )
    else:
        for model in (target, field.model) if field.many_to_many else (target,):
            whole = field.many_to_many or (isinstance(field, ForeignKey) and not field.remote_field.field_name)
            named = getattr(field, "to_fields", ()) if not isinstance(field, ForeignKey) else ()
            composite = model._meta.is_composite_pk and (
                whole or "pk" in named or getattr(field.remote_field, "field_name", None) == "pk"
            )
            if composite:
                yield Error(
                    f"Field defines a relation involving model '{model._meta.object_name}' which has a "
                    "CompositePrimaryKey and such relations are not supported.",
                    obj=field,
                    id="fields.E347",
                )
                return


def _label(field: Any) -> str:
    return f"{field.model._meta.app_label}."


def _foreign_key(field: Any) -> Iterator[CheckMessage]:
    on_delete = field.remote_field.on_delete
    if on_delete is SET_NULL and not field.null:
        yield Error(
            "Field specifies on_delete=SET_NULL, but cannot be null.",
            hint="Set null=True argument on the field, or change the on_delete rule.",
            obj=field,
            id="fields.E320",
        )
    elif on_delete is SET_DEFAULT and not field.has_default():
        yield Error(
            "Field specifies on_delete=SET_DEFAULT, but has no default value.",
            hint="Set a default value, or change the on_delete rule.",
            obj=field,
            id="fields.E321",
        )
    if field._unique and not field.one_to_one:  # noqa: SLF001 - as given
        yield Warning(
            "Setting unique=True on a ForeignKey has the same effect as using a OneToOneField.",
            hint="ForeignKey(unique=True) is usually better served by a OneToOneField.",
            obj=field,
            id="fields.W342",
        )
    yield from _unique_target(field)


def _unique_target(field: Any) -> Iterator[CheckMessage]:
    target = field.remote_field.model
    if isinstance(target, str):
        return
    label = target._meta.label
    missing = False
    for name in field.to_fields:
        if not name:
            continue
        try:
            target._meta.get_field(name)
        except FieldDoesNotExist:
            missing = True
            message = f"The to_field '{name}' doesn't exist on the related model '{label}'."
            yield Error(message, obj=field, id="fields.E312")
    if missing or not field.requires_unique_target:
        return
    order = [each.name for each in field.foreign_related_fields if each is not None]
    if not order or target._meta.abstract:
        return
    names = set(order)
    groups = [{each.name} for each in target._meta.fields if each.unique]
    groups += [set(group) for group in target._meta.unique_together]
    groups += [set(one.fields) for one in target._meta.total_unique_constraints]
    groups.append({each.name for each in target._meta.pk_fields})
    if any(group <= names for group in groups):
        return
    if len(names) > 1:
        listed = ", ".join(f"'{name}'" for name in order)
        yield Error(
            f"No subset of the fields {listed} on model '{target.__name__}' is unique.",
            hint="Mark a single field as unique=True or add a set of fields to a unique constraint (via "
            "unique_together or a UniqueConstraint (without condition) in the model Meta.constraints).",
            obj=field,
            id="fields.E310",
        )
    else:
        name = field.foreign_related_fields[0].name
        yield Error(
            f"'{target.__name__}.{name}' must be unique because it is referenced by a foreign key.",
            hint="Add unique=True to this field or add a UniqueConstraint (without condition) in the model "
            "Meta.constraints.",
            obj=field,
            id="fields.E311",
        )


def _many(field: Any) -> Iterator[CheckMessage]:
    if field.unique:
        yield Error("ManyToManyFields cannot be unique.", obj=field, id="fields.E330")
    if field.has_null_arg:
        yield Warning("null has no effect on ManyToManyField.", obj=field, id="fields.W340")
    if field._validators:  # noqa: SLF001 - as given
        yield Warning("ManyToManyField does not support validators.", obj=field, id="fields.W341")
    if field.remote_field.symmetrical and field._related_name:  # noqa: SLF001 - as given
        yield Warning(
            'related_name has no effect on ManyToManyField with a symmetrical relationship, e.g. to "self".',
            obj=field,
            id="fields.W345",
        )
    if field.db_comment:
        yield Warning("db_comment has no effect on ManyToManyField.", obj=field, id="fields.W346")
    through = field.remote_field.through
    if not isinstance(through, str):
        yield from check_through(field)
        yield from _table_clash(field)
    if isinstance(through, str):
        name = through.removeprefix(_label(field))
        message = f"Field specifies a many-to-many relation through model '{name}', which has not been installed."
        yield Error(message, obj=field, id="fields.E331")


def _table_clash(field: Any) -> Iterator[CheckMessage]:
    """The table between has the name of another model's."""
    through = field.remote_field.through
    table = field.m2m_db_table()
    for model in field.model._meta.apps.get_models(include_auto_created=True):
        meta = model._meta
        if (
            meta.db_table != table
            or not meta.managed
            or not field.model._meta.managed
            or meta.concrete_model is through._meta.concrete_model
        ):
            continue
        clashing = meta.label
        if meta.auto_created:
            siblings = meta.auto_created._meta.local_many_to_many
            other = next((one for one in siblings if one.remote_field.through is model), None)
            if other is field:
                continue
            clashing = f"{meta.auto_created._meta.label}.{other.name}" if other is not None else clashing
        message = f"The field's intermediary table '{table}' clashes with the table name of '{clashing}'."
        if settings.DATABASE_ROUTERS:
            hint = (
                f"You have configured settings.DATABASE_ROUTERS. Verify that the table of '{clashing}' is correctly "
                "routed to a separate database."
            )
            yield Warning(message, hint=hint, obj=field, id="fields.W344")
        else:
            yield Error(message, obj=field, id="fields.E340")


def _clashes(field: Any) -> Iterator[CheckMessage]:
    """Accessors and query names on the other model that something else has already."""
    relation = field.remote_field
    other = relation.model._meta
    accessor = relation.get_accessor_name()
    query_name = field.related_query_name()
    mine = f"{field.model._meta.label}.{field.name}"
    hidden = relation.hidden
    for clash in [*other.fields, *other.many_to_many]:
        theirs = f"{other.label}.{clash.name}"
        hint = f"Rename field '{theirs}', or add/change a related_name argument to the definition for field '{mine}'."
        if not hidden and clash.name == accessor:
            message = (
                f"Reverse accessor '{other.object_name}.{accessor}' for '{mine}' clashes with field name '{theirs}'."
            )
            yield Error(message, hint=hint, obj=field, id="fields.E302")
        if clash.name == query_name:
            message = f"Reverse query name for '{mine}' clashes with field name '{theirs}'."
            yield Error(message, hint=hint, obj=field, id="fields.E303")
    for clash in other.related_objects:
        if clash.field is field:
            continue
        theirs = f"{clash.related_model._meta.label}.{clash.field.name}"
        hint = f"Add or change a related_name argument to the definition for '{mine}' or '{theirs}'."
        if not hidden and clash.get_accessor_name() == accessor:
            message = (
                f"Reverse accessor '{other.object_name}.{accessor}' for '{mine}' clashes with reverse accessor for "
                f"'{theirs}'."
            )
            yield Error(message, hint=hint, obj=field, id="fields.E304")
        if clash.get_accessor_name() == query_name:
            message = f"Reverse query name for '{mine}' clashes with reverse query name for '{theirs}'."
            yield Error(message, hint=hint, obj=field, id="fields.E305")
