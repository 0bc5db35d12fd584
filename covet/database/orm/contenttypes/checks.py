"""Checks of generic relations: whether both ends name fields that exist and fit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Final

from covet.database.orm.contenttypes.models import ContentType
from covet.database.orm.registry import apps
from covet.database.orm.relationships import ForeignKey
from covet.exceptions import FieldDoesNotExist
from covet.utils.checks import CheckMessage, Error

LONGEST_NAME: Final = 100
_HINT: Final = "GenericForeignKeys must use a ForeignKey to 'contenttypes.ContentType' as the 'content_type' field."


def check_generic_foreign_key(field: Any) -> Iterator[CheckMessage]:
    """Its object id and its content type are fields of the model, the latter a foreign key to `ContentType`."""
    meta = field.model._meta
    if _field(meta, field.fk_field) is None:
        text = f"The GenericForeignKey object ID references the nonexistent field '{field.fk_field}'."
        yield Error(text, obj=field, id="contenttypes.E001")
    kind = _field(meta, field.ct_field)
    place = f"{meta.object_name}.{field.ct_field}"
    if kind is None:
        text = f"The GenericForeignKey content type references the nonexistent field '{place}'."
        yield Error(text, obj=field, id="contenttypes.E002")
    elif not isinstance(kind, ForeignKey):
        yield Error(f"'{place}' is not a ForeignKey.", hint=_HINT, obj=field, id="contenttypes.E003")
    elif kind.remote_field.model is not ContentType:
        text = f"'{place}' is not a ForeignKey to 'contenttypes.ContentType'."
        yield Error(text, hint=_HINT, obj=field, id="contenttypes.E004")


def check_generic_relation(field: Any) -> Iterator[CheckMessage]:
    """The other model has a `GenericForeignKey` of the same two fields."""
    target = field.remote_field.model
    if isinstance(target, str) or any(field.matches(each) for each in target._meta.private_fields):
        return
    text = (
        f"The GenericRelation defines a relation with the model '{target._meta.label}', but that model does not have a "
        "GenericForeignKey."
    )
    yield Error(text, obj=field, id="contenttypes.E004")


def check_model_name_lengths(app_configs: Iterable[Any] | None = None, **_options: Any) -> list[CheckMessage]:
    """Names that do not fit into the column of `django_content_type`."""
    configs = apps.get_app_configs() if app_configs is None else app_configs
    models = chain.from_iterable(config.get_models() for config in configs)
    return [
        Error(
            f"Model names must be at most {LONGEST_NAME} characters (got {len(model._meta.model_name)}).",
            obj=model,
            id="contenttypes.E005",
        )
        for model in models
        if len(model._meta.model_name) > LONGEST_NAME
    ]


def _field(meta: Any, name: str) -> Any:
    try:
        return meta.get_field(name)
    except FieldDoesNotExist:
        return None
