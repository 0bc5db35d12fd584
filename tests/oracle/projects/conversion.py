"""CovetPy models made of a Django project's own, by what those deconstruct to."""

from __future__ import annotations

import inspect
from typing import Any

import covet.database.orm as ours
from covet.database.orm import functions
from covet.database.orm.registry import Apps

DROPPED = {
    "verbose_name", "help_text", "validators", "choices", "storage", "upload_to", "default", "error_messages",
    "limit_choices_to", "related_name", "related_query_name", "editable", "blank", "serialize", "encoder", "decoder",
}  # fmt: skip


class Converter:
    """Turns Django's model classes into ours, by what they deconstruct to."""

    def __init__(self) -> None:
        self.apps = Apps()
        self.made: dict[type, type] = {}

    def value(self, value: Any) -> Any:
        """A Django object as ours; anything else unchanged."""
        if isinstance(value, list | tuple):
            return type(value)(self.value(each) for each in value)
        if hasattr(value, "deconstruct") and type(value).__module__.startswith("django."):
            path, args, kwargs = value.deconstruct()[-3:]
            name = path.rpartition(".")[2]
            made = getattr(ours, name, None) or getattr(functions, name)
            return made(*self.value(list(args)), **{key: self.value(each) for key, each in kwargs.items()})
        return value

    def field(self, field: Any) -> Any:
        """A Django field as ours."""
        _, _, args, kwargs = field.deconstruct()
        name = _kind(field)
        kept = {key: self.value(each) for key, each in kwargs.items() if key not in DROPPED}
        if field.remote_field is not None:
            target = field.remote_field.model
            kept["to"] = "self" if target is field.model else target._meta.label
            kept["related_name"] = "+"
            if "through" in kept:
                kept["through"] = field.remote_field.through._meta.label
        # A field class of the project's own sets some options by itself.
        for option in ("null", "max_length", "unique", "db_index", "db_collation"):
            value = getattr(field, f"_{option}", getattr(field, option, None))
            if value:
                kept[option] = value
        kept = {key: each for key, each in kept.items() if key in _accepted(name)}
        return getattr(ours, name)(*args, **kept)

    def model(self, model: type) -> None:
        """A Django model as ours; what it inherits as tables first."""
        if model in self.made:
            return
        meta = model._meta
        parents = [parent for parent in meta.parents if not parent._meta.abstract]
        for parent in parents:
            self.model(parent)
        attributes: dict[str, Any] = {"__module__": __name__}
        for field in [*meta.local_fields, *meta.local_many_to_many]:
            is_link = field.remote_field is not None and getattr(field.remote_field, "parent_link", False)
            if is_link and field.name.endswith("_ptr"):
                continue
            if _kind(field) == "Field" and getattr(field, "column", None):
                attributes[field.name] = _raw(field)
            elif _kind(field) not in {"Field", "RelatedField"}:
                attributes[field.name] = self.field(field)
        attributes["Meta"] = type(
            "Meta",
            (),
            {
                "app_label": meta.app_label,
                "apps": self.apps,
                "db_table": meta.db_table,
                "unique_together": [tuple(each) for each in meta.unique_together],
                "indexes": [self.value(each) for each in meta.indexes],
                "constraints": [self.value(each) for each in meta.constraints],
            },
        )
        bases = tuple(self.made[parent] for parent in parents) or (ours.Model,)
        self.made[model] = type(meta.object_name, bases, attributes)


def _kind(field: Any) -> str:
    """The nearest class of a field that we have too."""
    return next((cls.__name__ for cls in type(field).__mro__ if hasattr(ours, cls.__name__)), "Field")


def _raw(field: Any) -> Any:
    """A field of a kind that we do not have, by its column type."""
    from django.db import connection

    text = field.db_type(connection)
    kind = type(type(field).__name__, (ours.Field,), {"db_type": lambda self, vendor: text})
    return kind(null=field.null, db_column=field.column)


def _accepted(name: str) -> set[str]:
    found: set[str] = set()
    for cls in getattr(ours, name).__mro__:
        if "__init__" in vars(cls):
            found |= set(inspect.signature(cls.__init__).parameters)
    return found
