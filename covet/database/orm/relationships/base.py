"""RelatedField: what all relation fields have; references by name are resolved when both models exist."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final, TypeVar

from covet.conf import settings
from covet.database.orm.fields.base import Field
from covet.database.orm.on_delete import ON_DELETE
from covet.database.orm.registry import make_model_tuple
from covet.database.orm.relationships.paths import FieldCacheMixin
from covet.exceptions import FieldError, choices

T = TypeVar("T")

RECURSIVE_RELATIONSHIP_CONSTANT: Final = "self"


def resolve_relation(scope_model: Any, relation: Any) -> Any:
    """`'self'` as the model itself, a bare name as one of the model's application."""
    if relation == RECURSIVE_RELATIONSHIP_CONSTANT:
        relation = scope_model
    if isinstance(relation, str) and "." not in relation:
        relation = f"{scope_model._meta.app_label}.{relation}"
    return relation


def lazy_related_operation(function: Callable[..., Any], model: Any, *related_models: Any, **kwargs: Any) -> None:
    """Call `function` with the models, once all of them are defined."""
    models = [model, *(resolve_relation(model, related) for related in related_models)]
    keys = (make_model_tuple(one) for one in models)
    model._meta.apps.lazy_model_operation(functools.partial(function, **kwargs), *keys)


def on_delete_choice(value: Any) -> Any:
    """The `on_delete` function: given as such, or by its name in any case.

    Raises:
        TypeError: it is neither; names the choices.
    """
    if isinstance(value, str):
        found = ON_DELETE.get(value.upper().replace(" ", "_"))
        if found is None:
            message = f"on_delete={value!r} is unknown; choose one of: {', '.join(choices(value.upper(), ON_DELETE))}"
            raise TypeError(message)
        return found
    if not callable(value):
        raise TypeError("on_delete must be callable.")
    return value


class SettingsReference(str):
    """A model's label that came from a setting, such as AUTH_USER_MODEL."""

    __slots__ = ("setting_name",)
    setting_name: str

    def __new__(cls, label: str, setting_name: str) -> SettingsReference:
        made = super().__new__(cls, label)
        made.setting_name = setting_name
        return made


class RelatedField(FieldCacheMixin, Field[T]):
    """A field that points to another model.

    Args:
        related_name: the accessor on the other model; `+` at the end hides it.
        related_query_name: what queries call it there.
        limit_choices_to: which objects may be chosen: a Q, a mapping or a callable.
        **kwargs: options of `Field`.
    """

    one_to_many = False
    one_to_one = False
    many_to_many = False
    many_to_one = False
    swappable: bool

    def __init__(
        self,
        related_name: str | None = None,
        related_query_name: str | None = None,
        limit_choices_to: Any = None,
        **kwargs: Any,
    ) -> None:
        self._related_name = related_name
        self._related_query_name = related_query_name
        self._limit_choices_to = limit_choices_to
        super().__init__(**kwargs)

    @property
    def related_model(self) -> Any:
        """The model that it points to (its label, while that model is not defined)."""
        return self.remote_field.model

    def db_type(self, connection: Any) -> str | None:
        del connection
        return None

    def contribute_to_class(self, cls: Any, name: str, private_only: bool = False, **kwargs: Any) -> None:
        super().contribute_to_class(cls, name, private_only, **kwargs)
        self.opts = cls._meta
        if cls._meta.abstract:
            return
        meta = cls._meta
        words = {"class": cls.__name__.lower(), "model_name": meta.model_name, "app_label": meta.app_label.lower()}
        related_name = self.remote_field.related_name or self.opts.default_related_name
        if related_name:
            self.remote_field.related_name = related_name % words
        if self.remote_field.related_query_name:
            self.remote_field.related_query_name %= words
        lazy_related_operation(_resolve_related_class, cls, self.remote_field.model, field=self)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        if self._limit_choices_to:
            kwargs["limit_choices_to"] = self._limit_choices_to
        if self._related_name is not None:
            kwargs["related_name"] = self._related_name
        if self._related_query_name is not None:
            kwargs["related_query_name"] = self._related_query_name
        return name, path, args, kwargs

    def _target_label(self) -> str:
        """The other model as `deconstruct` names it."""
        model = self.remote_field.model
        if isinstance(model, str):
            app, dot, name = model.partition(".")
            label = f"{app}.{name.lower()}" if dot else model.lower()
        else:
            label = model._meta.label_lower
        setting = self.swappable_setting
        if setting is not None:
            return SettingsReference(label, setting)
        return label

    @property
    def swappable_setting(self) -> str | None:
        """The setting that may replace the other model."""
        if not self.swappable:
            return None
        model = self.remote_field.model
        label = model if isinstance(model, str) else model._meta.label
        model_of_field = getattr(self, "model", None)
        registry = model_of_field._meta.apps if model_of_field is not None else None
        if registry is None:
            registry = None if isinstance(model, str) else model._meta.apps
        if registry is None:
            auth = getattr(settings, "AUTH_USER_MODEL", None)
            return "AUTH_USER_MODEL" if auth and label.lower() == str(auth).lower() else None
        found: str | None = registry.get_swappable_settings_name(label)
        return found

    def set_attributes_from_rel(self) -> None:
        """Take name and verbose name from the other model, where none was given."""
        meta = self.remote_field.model._meta
        self.name = self.name or f"{meta.model_name}_{meta.pk.name}"
        if self.verbose_name is None:
            self.verbose_name = meta.verbose_name
        self.remote_field.set_field_name()

    def do_related_class(self, other: Any, cls: Any) -> None:
        """Meet the other model."""
        del cls
        self.set_attributes_from_rel()
        self.contribute_to_related_class(other, self.remote_field)

    def contribute_to_related_class(self, cls: Any, related: Any) -> None:
        """Give the other model its accessor."""

    def get_limit_choices_to(self) -> Any:
        """The restriction of choices, called when it is callable."""
        limit = self.remote_field.limit_choices_to
        return limit() if callable(limit) else limit

    def related_query_name(self) -> str:
        """What queries on the other model call this relation."""
        return str(self.remote_field.related_query_name or self.remote_field.related_name or self.opts.model_name)

    @property
    def target_field(self) -> Any:
        """The other model's field that this one's values are compared with.

        Raises:
            FieldError: there are several.
        """
        fields = self.path_infos[-1].target_fields  # type: ignore[attr-defined]
        if len(fields) > 1:
            raise FieldError("The relation has multiple target fields, but only single target field was asked for")
        return fields[0]

    @property
    def cache_name(self) -> Any:
        """The key of the cached related object."""
        return self.name


def _resolve_related_class(model: Any, related: Any, *, field: Any) -> None:
    field.remote_field.model = related
    field.do_related_class(related, model)
