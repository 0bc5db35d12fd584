"""ModelBase: turns a class body into a model: options, fields, inheritance, managers, registration."""

from __future__ import annotations

import copy
import functools
import inspect
import sys
import warnings
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from covet.conf import settings
from covet.database.orm.fields.numeric import AutoField, BigAutoField
from covet.database.orm.fields.proxy import OrderWrt
from covet.database.orm.managers import Manager
from covet.database.orm.on_delete import CASCADE
from covet.database.orm.options import Options
from covet.database.orm.options.base import ManagerFactory
from covet.database.orm.persistence.refreshing import get_order, set_order
from covet.database.orm.registry import NOT_STATED, Apps, apps, label_of_module, make_model_tuple
from covet.database.orm.relationships.base import lazy_related_operation, resolve_relation
from covet.database.orm.relationships.foreign import OneToOneField
from covet.database.orm.relationships.many import Making
from covet.database.orm.signals import class_prepared
from covet.exceptions import FieldError, ImproperlyConfigured, MultipleObjectsReturned, ObjectDoesNotExist

_AUTO_FIELDS = {
    "covet.database.orm.BigAutoField": BigAutoField,
    "covet.database.orm.fields.BigAutoField": BigAutoField,
    "django.db.models.BigAutoField": BigAutoField,
}


def _contributes(value: Any) -> bool:
    return not inspect.isclass(value) and hasattr(value, "contribute_to_class")


class ModelBase(type):
    """The metaclass of models."""

    _meta: Any

    def __new__(cls, name: str, bases: tuple[type, ...], attrs: dict[str, Any], **kwargs: Any) -> Any:
        """Make a model class.

        Raises:
            FieldError: fields clash. TypeError: a proxy or Meta is not well-formed.
        """
        parents = [base for base in bases if isinstance(base, ModelBase)]
        if not parents:
            return super().__new__(cls, name, bases, attrs, **kwargs)
        meta_class = attrs.pop("Meta", None)
        plain = {key: value for key, value in attrs.items() if not _contributes(value)}
        contributing = {key: value for key, value in attrs.items() if _contributes(value)}
        model: Any = super().__new__(cls, name, bases, plain, **kwargs)
        is_abstract = bool(getattr(meta_class, "abstract", False))
        meta = meta_class or getattr(model, "Meta", None)
        base_meta = getattr(model, "_meta", None)
        model.add_to_class("_meta", _options(meta, model))
        if not is_abstract:
            _add_exceptions(model, parents)
            if base_meta and not base_meta.abstract:
                for option in ("ordering", "get_latest_by"):
                    if not hasattr(meta, option):
                        setattr(model._meta, option, getattr(base_meta, option))
        if model._meta.proxy and base_meta and base_meta.swapped:
            raise TypeError(f"{name} cannot proxy the swapped model '{base_meta.swapped}'.")
        for key, value in contributing.items():
            model.add_to_class(key, value)
        _set_concrete_model(model, parents)
        _inherit(model, parents)
        model._meta.indexes = [copy.deepcopy(index) for index in model._meta.indexes]
        if is_abstract:
            # What inherits from an abstract model is not abstract unless it says so itself.
            meta_class.abstract = False
            model.Meta = meta_class
            return model
        model._prepare()  # noqa: SLF001 - its own
        model._meta.apps.register_model(model._meta.app_label, model)
        return model

    def add_to_class(cls, name: str, value: Any) -> None:
        """Set an attribute, or let a field, manager or option place itself."""
        if _contributes(value):
            value.contribute_to_class(cls, name)
        else:
            setattr(cls, name, value)

    def _prepare(cls) -> None:
        """Complete the class once its fields are known."""
        meta: Any = cls._meta
        meta.prepare(cls, add_auto_field=_add_auto_field, add_order=_add_order)
        if meta.order_with_respect_to:
            _add_order_accessors(cls)
        address = settings.ABSOLUTE_URL_OVERRIDES.get(meta.label_lower)
        if address is not None:
            cls.get_absolute_url = address
        if cls.__doc__ is None:
            cls.__doc__ = f"{cls.__name__}({', '.join(field.name for field in meta.fields)})"
        if not meta.managers:
            if any(field.name == "objects" for field in meta.fields):
                raise ValueError(
                    f"Model {cls.__name__} must specify a custom Manager, because it has a field named 'objects'."
                )
            manager: Any = Manager()
            manager.auto_created = True
            cls.add_to_class("objects", manager)
        for index in meta.indexes:
            if index.name:
                for field_name, _order in index.fields_orders:
                    index._field(cls, field_name)  # noqa: SLF001 - its own check, with the choices
            else:
                index.set_name_with_model(cls)
            _warn_of_duplicate(cls, index)
        cls._direct_hydration = _is_direct(cls)
        class_prepared.send(sender=cls)

    @property
    def _base_manager(cls) -> Any:
        return cls._meta.base_manager

    @property
    def _default_manager(cls) -> Any:
        return cls._meta.default_manager


def _options(meta: Any, model: Any) -> Options:
    registry: Apps = getattr(meta, "apps", None) or Options.default_apps or apps
    label = getattr(meta, "app_label", None) or label_of_module(model.__module__, registry)
    return Options(meta, label, apps=registry)


def _add_exceptions(model: Any, parents: list[Any]) -> None:
    for name, root in (("DoesNotExist", ObjectDoesNotExist), ("MultipleObjectsReturned", MultipleObjectsReturned)):
        inherited = tuple(getattr(base, name) for base in parents if hasattr(base, "_meta") and not base._meta.abstract)
        body = {
            "__module__": model.__module__,
            "__qualname__": f"{model.__qualname__}.{name}",
            "__doc__": f"The `{name}` of {model.__name__}.",
        }
        setattr(model, name, type(name, inherited or (root,), body))


def _set_concrete_model(model: Any, parents: list[Any]) -> None:
    meta = model._meta
    name = model.__name__
    if not meta.proxy:
        meta.concrete_model = model
        return
    base = None
    for parent in parents:
        if not hasattr(parent, "_meta"):
            continue
        if parent._meta.abstract:
            if parent._meta.fields:
                raise TypeError(f"Abstract base class containing model fields not permitted for proxy model '{name}'.")
        elif base is None:
            base = parent
        elif parent._meta.concrete_model is not base._meta.concrete_model:
            raise TypeError(f"Proxy model '{name}' has more than one non-abstract model base class.")
    if base is None:
        raise TypeError(f"Proxy model '{name}' has no non-abstract model base class.")
    meta.setup_proxy(base)
    meta.concrete_model = base._meta.concrete_model


def _own_fields(meta: Any) -> Iterator[Any]:
    yield from meta.local_fields
    yield from meta.local_many_to_many
    yield from meta.private_fields


def _inherit(model: Any, parents: list[Any]) -> None:
    """Take over fields of abstract bases, and link to the concrete ones."""
    names = {field.name for field in _own_fields(model._meta)}
    links = _declared_links(model, parents)
    inherited: set[str] = set()
    for base in model.mro():
        if base not in parents or not hasattr(base, "_meta"):
            inherited.update(base.__dict__)
            continue
        parent_fields = [*base._meta.local_fields, *base._meta.local_many_to_many]
        if base._meta.abstract:
            _take_over(model, base, parent_fields, names, inherited)
        else:
            for field in parent_fields:
                if field.name in names:
                    raise _clash(field.name, model, base)
                inherited.add(field.name)
            _link(model, base._meta.concrete_model, names, links)
        for field in base._meta.private_fields:
            if field.name in names:
                if not base._meta.abstract:
                    raise _clash(field.name, model, base)
            elif field.name not in model.__dict__ and field.name not in inherited:
                made = copy.deepcopy(field)
                if not base._meta.abstract:
                    made.mti_inherited = True
                model.add_to_class(field.name, made)


def _clash(name: str, model: Any, base: Any) -> FieldError:
    return FieldError(
        f"Local field {name!r} in class {model.__name__!r} clashes with field of the same name from base class "
        f"{base.__name__!r}."
    )


def _declared_links(model: Any, parents: list[Any]) -> dict[Any, Any]:
    """One-to-one fields with `parent_link`, by the parent they lead to."""
    links = {}
    for base in reversed([model, *parents]):
        if not hasattr(base, "_meta") or (base is not model and not base._meta.abstract):
            continue
        for field in base._meta.local_fields:
            if isinstance(field, OneToOneField) and field.remote_field.parent_link:
                related = resolve_relation(model, field.remote_field.model)
                links[make_model_tuple(related)] = field
    return links


def _take_over(model: Any, base: Any, fields: list[Any], names: set[str], inherited: set[str]) -> None:
    """Copy the fields of an abstract base that nothing nearer defines."""
    parents = base._meta.parents.copy()
    for field in fields:
        if field.name in names or field.name in model.__dict__ or field.name in inherited:
            continue
        made = copy.deepcopy(field)
        model.add_to_class(field.name, made)
        if field.one_to_one:
            for parent, link in parents.items():
                if field == link:
                    parents[parent] = made
    model._meta.parents.update(parents)


def _link(model: Any, parent: Any, names: set[str], links: dict[Any, Any]) -> None:
    """Link the model to a multi-table parent: by a declared field, or one made here."""
    key = make_model_tuple(parent)
    field: Any = None
    if key in links:
        field = links[key]
    elif not model._meta.proxy:
        attribute = f"{parent._meta.model_name}_ptr"
        field = OneToOneField(parent, on_delete=CASCADE, name=attribute, auto_created=True, parent_link=True)
        if attribute in names:
            raise FieldError(
                f"Auto-generated field '{attribute}' in class {model.__name__!r} for parent_link to base class "
                f"{parent.__name__!r} clashes with declared field of the same name."
            )
        # Only if the class has no such attribute: two bases may share one parent.
        if not hasattr(model, attribute):
            model.add_to_class(attribute, field)
    model._meta.parents[parent] = field


def _add_auto_field(model: Any) -> None:
    """Give a model without a primary key the `id` that DEFAULT_AUTO_FIELD names."""
    field = _auto_field_class(model)(verbose_name="ID", primary_key=True, auto_created=True)
    model.add_to_class("id", field)


def _auto_field_class(model: Any) -> Any:
    config = model._meta.apps.get_containing_app_config(model.__module__)
    if config is not None and config.default_auto_field is not NOT_STATED:
        path, source = config.default_auto_field, f"{config.source}.default_auto_field"
    else:
        path, source = settings.DEFAULT_AUTO_FIELD, "DEFAULT_AUTO_FIELD"
    if path in _AUTO_FIELDS:
        return _AUTO_FIELDS[path]
    if not path:
        raise ImproperlyConfigured(f"{source} must not be empty.")
    module, _dot, name = path.rpartition(".")
    module = {"django.db.models": "covet.database.orm.fields"}.get(module, module)
    try:
        found = getattr(sys.modules.get(module) or import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        message = f"{source} refers to the module '{path}' that could not be imported."
        raise ImproperlyConfigured(message) from error
    if not issubclass(found, AutoField):
        raise ValueError(f"Primary key '{path}' referred by {source} must subclass AutoField.")
    return found


def _add_order(model: Any) -> None:
    model.add_to_class("_order", OrderWrt())


def _add_order_accessors(model: Any) -> None:
    for direction, is_next in (("next", True), ("previous", False)):
        step = model._get_next_or_previous_in_order  # noqa: SLF001 - a part of Model
        neighbour = functools.partialmethod(step, is_next=is_next)
        setattr(model, f"get_{direction}_in_order", neighbour)
        setattr(model, f"aget_{direction}_in_order", neighbour)
    relation = model._meta.order_with_respect_to
    if relation.remote_field:
        lazy_related_operation(give_order_methods, model, relation.remote_field.model)


def give_order_methods(model: Any, related: Any) -> None:
    """Put `get_<model>_order` and `set_<model>_order` on what `model` is ordered with respect to."""
    name = model.__name__.lower()
    setattr(related, f"get_{name}_order", functools.partialmethod(_get_order, model))
    setattr(related, f"set_{name}_order", functools.partialmethod(_set_order, model))


def _get_order(instance: Any, ordered: Any) -> Any:
    return get_order(ordered, instance)


async def _set_order(instance: Any, ordered: Any, id_list: Any, using: str | None = None) -> None:
    await set_order(ordered, instance, id_list, using)


def _warn_of_duplicate(model: Any, index: Any) -> None:
    """An index on one unique field says nothing that its own index does not."""
    plain = not index.condition and not index.expressions and not index.include and not index.opclasses
    if not plain or len(index.fields_orders) != 1 or index.method:
        return
    field = model._meta.get_field(index.fields_orders[0][0])
    if getattr(field, "unique", False) and model._meta.managed:
        warnings.warn(
            f"{model._meta.label}: Index(fields=[{index.fields[0]!r}]) repeats the index that unique=True makes; "
            "drop it from Meta.indexes",
            UserWarning,
            stacklevel=5,
        )


def _is_direct(model: Any) -> bool:
    """Whether rows may become instances without `__init__`: nothing of their making was overridden."""
    root: Any = next(base for base in reversed(model.__mro__) if isinstance(base, ModelBase))
    return (
        model.__init__ is root.__init__
        and model.from_db.__func__ is root.from_db.__func__
        and model.__new__ is object.__new__
        and model.__setattr__ is object.__setattr__
        and not any("__init__" in vars(base) for base in model.__mro__[:-1] if not isinstance(base, ModelBase))
    )


def _make_through(name: str, _model: Any, namespace: dict[str, Any]) -> Any:
    root = next(base for base in reversed(_model.__mro__) if isinstance(base, ModelBase))
    return ModelBase(name, (root,), namespace)


Making.model = staticmethod(_make_through)
ManagerFactory.make = staticmethod(Manager)
