"""Options: what `class Meta` says, checked and completed; every model's `_meta`."""

from __future__ import annotations

import bisect
import copy
import functools
import inspect
from collections.abc import Callable
from typing import Any, ClassVar, Final

from covet.conf import settings
from covet.database.orm.constraints import UniqueConstraint
from covet.database.orm.naming import table_name
from covet.database.orm.options.fieldlists import FieldLists, ImmutableList, immutable
from covet.exceptions import FieldDoesNotExist, choices
from covet.utils.text import camel_case_to_spaces

META_NAMES: Final = (
    "verbose_name",
    "verbose_name_plural",
    "db_table",
    "db_table_comment",
    "ordering",
    "unique_together",
    "permissions",
    "get_latest_by",
    "order_with_respect_to",
    "app_label",
    "db_tablespace",
    "abstract",
    "managed",
    "proxy",
    "swappable",
    "auto_created",
    "apps",
    "default_permissions",
    "select_on_save",
    "default_related_name",
    "required_db_features",
    "required_db_vendor",
    "base_manager_name",
    "default_manager_name",
    "indexes",
    "constraints",
    "validate_on_save",
)


def normalize_together(option: Any) -> Any:
    """`unique_together` as a tuple of tuples, given so or as one tuple of names."""
    if not option:
        return ()
    if not isinstance(option, (tuple, list)):
        return option
    groups = option if isinstance(option[0], (tuple, list)) else (option,)
    try:
        return tuple(tuple(group) for group in groups)
    except TypeError:
        return option


class ManagerFactory:
    """How Options makes a plain manager; the managers' floor fills it in."""

    make: Callable[[], Any]


class Options(FieldLists):
    """A model's `_meta`.

    Args:
        meta: the `Meta` class, or None.
        app_label: the label of the model's application.
        apps: the registry, unless Meta names one.
    """

    # The registry of models declared while it is set: tests isolate theirs.
    default_apps: ClassVar[Any] = None
    # Who keeps queries that were made with a default order.
    on_ordering_change: ClassVar[list[Callable[[], None]]] = []

    def __init__(self, meta: Any, app_label: str | None = None, *, apps: Any = None) -> None:
        self._lists: dict[Any, ImmutableList] = {}
        self.local_fields: list[Any] = []
        self.local_many_to_many: list[Any] = []
        self.private_fields: list[Any] = []
        self.local_managers: list[Any] = []
        self.base_manager_name: str | None = None
        self.default_manager_name: str | None = None
        self.model_name: str = ""
        self.verbose_name: Any = None
        self.verbose_name_plural: Any = None
        self.db_table = ""
        self.db_table_comment = ""
        self._ordering: Any = []
        self.indexes: list[Any] = []
        self.constraints: list[Any] = []
        self.unique_together: Any = ()
        self.select_on_save = False
        self.validate_on_save: bool | None = None
        self.default_permissions: Any = ("add", "change", "delete", "view")
        self.permissions: Any = []
        self.object_name: str = ""
        self.app_label: Any = app_label
        self.get_latest_by: Any = None
        self.order_with_respect_to: Any = None
        self.db_tablespace = settings.DEFAULT_TABLESPACE
        self.required_db_features: list[str] = []
        self.required_db_vendor: str | None = None
        self.meta = meta
        self.pk: Any = None
        self.auto_field: Any = None
        self.abstract = False
        self.managed = True
        self.proxy = False
        self.proxy_for_model: Any = None
        self.concrete_model: Any = None
        self.swappable: str | None = None
        self.parents: dict[Any, Any] = {}
        self.auto_created: Any = False
        self.related_fkey_lookups: list[Any] = []
        self.apps = apps
        self.default_related_name: str | None = None
        self.original_attrs: dict[str, Any] = {}

    @property
    def ordering(self) -> Any:
        """The default order; a new one is used by the next query."""
        return self._ordering

    @ordering.setter
    def ordering(self, value: Any) -> None:
        self._ordering = value
        if "model" in self.__dict__:
            for listener in self.on_ordering_change:
                listener()

    def __repr__(self) -> str:
        return f"<Options for {self.object_name}>"

    def __str__(self) -> str:
        return self.label_lower

    @property
    def label(self) -> str:
        """`app.Model`."""
        return f"{self.app_label}.{self.object_name}"

    @property
    def label_lower(self) -> str:
        """`app.model`."""
        return f"{self.app_label}.{self.model_name}"

    @property
    def app_config(self) -> Any:
        """The application, as the registry knows it."""
        return self.apps.app_configs.get(self.app_label)

    @property
    def verbose_name_raw(self) -> str:
        """The name as written, untranslated."""
        return str(self.verbose_name)

    def contribute_to_class(self, cls: Any, name: str) -> None:
        """Become `cls._meta`: read Meta and fill in the names.

        Raises:
            TypeError: Meta has a name that is no option; names the choices.
        """
        cls._meta = self
        self.model = cls
        self.object_name = cls.__name__
        self.model_name = cls.__name__.lower()
        self.verbose_name = camel_case_to_spaces(cls.__name__)
        del name
        if self.meta:
            self._read_meta()
        elif self.verbose_name_plural is None:
            self.verbose_name_plural = f"{self.verbose_name}s"
        del self.meta
        if not self.db_table:
            self.db_table = table_name(f"{self.app_label}_{self.model_name}")

    def _read_meta(self) -> None:
        given = {name: value for name, value in vars(self.meta).items() if not name.startswith("_")}
        for name in META_NAMES:
            if name in given:
                value = given.pop(name)
            elif hasattr(self.meta, name):
                value = getattr(self.meta, name)
            else:
                continue
            setattr(self, name, value)
            self.original_attrs[name] = value
        self.unique_together = normalize_together(self.unique_together)
        self.indexes = list(self.indexes)
        self.constraints = list(self.constraints)
        if not self.abstract:
            self.constraints = self._named(self.constraints)
            self.indexes = self._named(self.indexes)
        if self.verbose_name_plural is None:
            self.verbose_name_plural = f"{self.verbose_name}s"
        self._ordering_clash = bool(self.ordering and self.order_with_respect_to)
        given.pop("index_together", None)
        if given:
            unknown = ",".join(sorted(given))
            message = f"'class Meta' got invalid attribute(s): {unknown}"
            error = TypeError(message)
            error.add_note(f"choose of: {', '.join(choices(sorted(given)[0], META_NAMES))}")
            raise error

    def _named(self, objects: list[Any]) -> list[Any]:
        """Copies in whose names `%(app_label)s` and `%(class)s` are filled in."""
        made = []
        for given in objects:
            one = given.clone()
            if one.name and isinstance(one.name, str):
                one.name %= {"app_label": self.app_label.lower(), "class": self.model_name}
            made.append(one)
        return made

    def prepare(self, model: Any, *, add_auto_field: Callable[[Any], None], add_order: Callable[[Any], None]) -> None:
        """Complete the options once the fields have come: ordering column and primary key."""
        if self.order_with_respect_to:
            self._prepare_order(model, add_order)
        else:
            self.order_with_respect_to = None
        if self.pk is None:
            if self.parents:
                field = next(iter(self.parents.values()))
                already = [one for one in self.local_fields if one.name == field.name]
                if already:
                    field = already[0]
                field.primary_key = True
                self.setup_pk(field)
            else:
                add_auto_field(model)

    def _prepare_order(self, model: Any, add_order: Callable[[Any], None]) -> None:
        query = self.order_with_respect_to
        try:
            self.order_with_respect_to = next(
                field
                for field in self._get_fields(reverse=False)
                if field.name == query or getattr(field, "attname", None) == query
            )
        except StopIteration:
            message = f"{self.object_name} has no field named '{query}'"
            raise FieldDoesNotExist(message) from None
        self.ordering = ("_order",)
        if not any(getattr(field, "is_order", False) for field in model._meta.local_fields):
            add_order(model)

    # --- fields -------------------------------------------------------------------------------

    def add_manager(self, manager: Any) -> None:
        """A manager of the class's own."""
        self.local_managers.append(manager)
        self._expire_cache()

    def add_field(self, field: Any, private: bool = False) -> None:
        """A field of the class's own, put in the order of declaration."""
        if private:
            self.private_fields.append(field)
        elif field.is_relation and field.many_to_many:
            bisect.insort(self.local_many_to_many, field)
        else:
            bisect.insort(self.local_fields, field)
            self.setup_pk(field)
        remote = getattr(field.remote_field, "model", None) if field.is_relation and field.remote_field else None
        if remote is not None and not isinstance(remote, str):
            # Its reverse relation is new to the other model, and to those that inherit from it.
            self.apps_cleared(remote)
            self._expire_cache(reverse=False)
        else:
            self._expire_cache()

    def apps_cleared(self, remote: Any) -> None:
        """Let the models that may see the new relation forget their lists."""
        try:
            remote._meta._expire_cache(forward=False)
        except AttributeError:
            self._expire_cache()

    def setup_pk(self, field: Any) -> None:
        """Take the first primary key."""
        if not self.pk and field.primary_key:
            self.pk = field
            field.serialize = False

    def setup_proxy(self, target: Any) -> None:
        """Share the table of `target`."""
        self.pk = target._meta.pk
        self.auto_field = target._meta.auto_field
        self.proxy_for_model = target
        self.db_table = target._meta.db_table

    # --- swapping -----------------------------------------------------------------------------

    @property
    def swapped(self) -> str | None:
        """The label of the model that takes this one's place, by the setting that Meta.swappable names."""
        if not self.swappable:
            return None
        instead = getattr(settings, self.swappable, None)
        if not instead:
            return None
        label, _dot, name = str(instead).partition(".")
        if not name:
            return str(instead)
        return str(instead) if f"{label}.{name.lower()}" != self.label_lower else None

    def setting_changed(self) -> None:
        """Nothing is kept of settings."""

    # --- managers -----------------------------------------------------------------------------

    @functools.cached_property
    def managers(self) -> ImmutableList:
        """The class's and its bases' managers, each name once, in order of declaration."""
        seen: set[str] = set()
        bases = (base for base in self.model.mro() if hasattr(base, "_meta"))
        found: list[tuple[int, int, Any]] = []
        for depth, base in enumerate(bases):
            for manager in base._meta.local_managers:
                if manager.name in seen:
                    continue
                made = copy.copy(manager)
                made.model = self.model
                seen.add(manager.name)
                found.append((depth, manager.creation_counter, made))
        found.sort(key=lambda one: one[:2])
        return immutable("managers", (manager for _depth, _counter, manager in found))

    @functools.cached_property
    def managers_map(self) -> dict[str, Any]:
        """Managers by name."""
        return {manager.name: manager for manager in self.managers}

    @functools.cached_property
    def base_manager(self) -> Any:
        """The manager that relations and saving use: a plain one, unless Meta names another."""
        name = self.base_manager_name
        if not name:
            # The nearest parent's, as it is an option that is inherited.
            for parent in self.model.mro()[1:]:
                if hasattr(parent, "_meta"):
                    if parent._base_manager.name != "_base_manager" or parent._base_manager.auto_created:
                        name = parent._meta.base_manager_name
                    break
        if name:
            return self._manager_named(name)
        manager = ManagerFactory.make()
        manager.name = "_base_manager"
        manager.model = self.model
        manager.auto_created = True
        return manager

    @functools.cached_property
    def default_manager(self) -> Any:
        """The first manager, unless Meta names another."""
        name = self.default_manager_name
        if not name and not self.local_managers:
            for parent in self.model.mro()[1:]:
                if hasattr(parent, "_meta"):
                    name = parent._meta.default_manager_name
                    break
        if name:
            return self._manager_named(name)
        return self.managers[0] if self.managers else None

    def _manager_named(self, name: str) -> Any:
        try:
            return self.managers_map[name]
        except KeyError:
            message = f"{self.object_name} has no manager named {name!r}"
            raise ValueError(message) from None

    # --- constraints --------------------------------------------------------------------------

    @functools.cached_property
    def total_unique_constraints(self) -> list[Any]:
        """The unique constraints of columns that hold for every row."""
        return [
            constraint
            for constraint in self.constraints
            if isinstance(constraint, UniqueConstraint)
            and constraint.condition is None
            and not constraint.contains_expressions
        ]

    @functools.cached_property
    def _property_names(self) -> frozenset[str]:
        """The names of the class's properties, which `Model.__init__` accepts as keywords."""
        names = []
        for name in dir(self.model):
            attribute = inspect.getattr_static(self.model, name)
            if isinstance(attribute, (property, functools.cached_property)):
                names.append(name)
        return frozenset(names)

    @functools.cached_property
    def referenced_by_generated(self) -> dict[str, list[Any]]:
        """Generated fields by the name of each field that they are computed from."""
        found: dict[str, list[Any]] = {}
        for field in self.local_concrete_fields:
            for source in getattr(field, "referenced_fields", ()):
                found.setdefault(source.name, []).append(field)
        return found

    def can_migrate(self, connection: Any) -> bool:
        """Whether the model's table belongs into that database."""
        if self.proxy or self.swapped or not self.managed:
            return False
        vendor = getattr(connection, "vendor", connection)
        if self.required_db_vendor:
            return bool(self.required_db_vendor == vendor)
        features = getattr(connection, "features", None)
        if self.required_db_features and features is not None:
            return all(getattr(features, feature, False) for feature in self.required_db_features)
        return True


__all__ = ["META_NAMES", "ManagerFactory", "Options", "camel_case_to_spaces", "normalize_together"]
