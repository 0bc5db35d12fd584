"""The registry of models: finds them by name, and runs what waits for one that is not defined yet."""

from __future__ import annotations

import functools
import sys
import threading
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import sqlalchemy as sa

from covet.conf import settings
from covet.database.orm.signals import use_registry
from covet.exceptions import ImproperlyConfigured, choices

ModelKey = tuple[str, str]


class NotStated:
    """An option that an application does not state."""


NOT_STATED = NotStated()


class AppConfig:
    """One application: a package with models.

    Args:
        name: the package's dotted name. label: its short name, unique in the project.
        apps: the registry.
    """

    default_auto_field: Any = NOT_STATED

    def __init__(
        self, name: str, label: str | None = None, *, apps: Apps | None = None, verbose_name: Any = None
    ) -> None:
        self.name = name
        self.source = name
        self.label = label or name.rpartition(".")[2]
        self.verbose_name = verbose_name or self.label.title()
        self.apps = apps

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.label}>"

    @property
    def module(self) -> Any:
        """The package."""
        return sys.modules.get(self.name) or import_module(self.name)

    @property
    def models_module(self) -> Any:
        """The package's `models`, once imported."""
        return sys.modules.get(f"{self.name}.models")

    @property
    def path(self) -> str:
        """The package's folder.

        Raises:
            ImproperlyConfigured: it is one module, or cannot be imported; models alone make an application too.
        """
        try:
            found = list(getattr(self.module, "__path__", []))
        except ModuleNotFoundError as error:
            message = f"The application {self.name!r} cannot be imported"
            raise ImproperlyConfigured(message) from error
        if not found:
            message = f"The application {self.name!r} is no package"
            raise ImproperlyConfigured(message)
        return str(found[0])

    @property
    def models(self) -> dict[str, Any]:
        """Models by lower-case name."""
        return self._registry.all_models[self.label]

    @property
    def _registry(self) -> Apps:
        return self.apps or apps

    def get_model(self, model_name: str, require_ready: bool = True) -> Any:
        """The model of that name.

        Raises:
            LookupError: there is none.
        """
        del require_ready
        found = self.models.get(model_name.lower())
        if found is None:
            raise LookupError(f"App '{self.label}' doesn't have a '{model_name}' model.")
        return found

    def get_models(self, include_auto_created: bool = False, include_swapped: bool = False) -> Iterator[Any]:
        """The application's models."""
        for model in list(self.models.values()):
            if model._meta.auto_created and not include_auto_created:
                continue
            if model._meta.swapped and not include_swapped:
                continue
            yield model


def installed_apps(entries: Iterable[str]) -> list[AppConfig]:
    """The applications that INSTALLED_APPS names: packages, or dotted paths of AppConfig classes.

    Raises:
        ImproperlyConfigured: two of them share a label.
    """
    found: dict[str, AppConfig] = {}
    for entry in entries:
        config = _config(entry)
        if config.label in found:
            message = f"Application labels aren't unique, duplicates: {config.label}"
            raise ImproperlyConfigured(message)
        found[config.label] = config
    return list(found.values())


def _config(entry: Any) -> AppConfig:
    if not isinstance(entry, str):
        return entry  # type: ignore[no-any-return]
    module, _dot, last = entry.rpartition(".")
    if last[:1].isupper() and module:
        declared = getattr(import_module(module), last)
        name = getattr(declared, "name", module.removesuffix(".apps"))
        kind = declared if issubclass(declared, AppConfig) else AppConfig
        config = kind(name, getattr(declared, "label", None), verbose_name=getattr(declared, "verbose_name", None))
        config.source = f"{declared.__module__}.{declared.__qualname__}"
        stated = [vars(base)["default_auto_field"] for base in declared.__mro__ if "default_auto_field" in vars(base)]
        config.default_auto_field = stated[0] if stated else NOT_STATED
        return config
    return AppConfig(entry)


class Apps:
    """A registry of models; `apps` is the process's own, tests and migrations make others.

    Args:
        installed: entries as in INSTALLED_APPS; None takes the setting's.
    """

    models_ready = True
    apps_ready = True
    ready = True

    def __init__(self, installed: Iterable[str] | None = ()) -> None:
        self.all_models: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        self.metadata = sa.MetaData()
        self._pending: defaultdict[ModelKey, list[Callable[..., Any]]] = defaultdict(list)
        self._lock = threading.RLock()
        self._installed = None if installed is None else installed_apps(installed)
        self._from_settings: tuple[Any, list[AppConfig]] | None = None
        self._overrides: list[list[AppConfig] | None] = []
        self._models: dict[tuple[bool, bool], list[Any]] = {}
        self._made: dict[str, AppConfig] = {}
        self._reversed: set[Any] = set()

    # --- applications -------------------------------------------------------------------------

    def _configs(self) -> list[AppConfig]:
        if self._installed is not None:
            return self._installed
        entries = tuple(settings.INSTALLED_APPS)
        if self._from_settings is None or self._from_settings[0] != entries:
            self._from_settings = (entries, installed_apps(entries))
        return self._from_settings[1]

    @property
    def app_configs(self) -> dict[str, AppConfig]:
        """Applications by label: the installed ones, and those that only have models."""
        found = {config.label: config for config in self._configs()}
        for label, models in self.all_models.items():
            if label not in found and models:
                module = next(iter(models.values())).__module__
                package = module.partition(".models")[0]
                config = self._made.get(label)
                if config is None or config.name != package:
                    config = self._made[label] = AppConfig(package, label, apps=self)
                found[label] = config
        for config in found.values():
            config.apps = self
        return found

    def get_app_configs(self) -> Iterable[AppConfig]:
        """All applications."""
        return self.app_configs.values()

    def get_app_config(self, app_label: str) -> AppConfig:
        """The application of that label.

        Raises:
            LookupError: there is none; names the one meant, perhaps.
        """
        found = self.app_configs
        if app_label in found:
            return found[app_label]
        message = f"No installed app with label '{app_label}'."
        for config in found.values():
            if config.name == app_label:
                message += f" Did you mean '{config.label}'?"
                break
        raise LookupError(message)

    def is_installed(self, app_name: str) -> bool:
        """Whether an application of that dotted name is installed."""
        return any(config.name == app_name for config in self.app_configs.values())

    def get_containing_app_config(self, object_name: str) -> AppConfig | None:
        """The installed application in whose package a dotted name lies, the innermost one."""
        best = None
        for config in self._configs():
            inside = object_name == config.name or object_name.startswith(f"{config.name}.")
            if inside and (best is None or len(config.name) > len(best.name)):
                best = config
        return best

    def check_apps_ready(self) -> None:
        """Nothing: models are usable as soon as their modules are imported."""

    check_models_ready = check_apps_ready

    @contextmanager
    def _installed_as(self, entries: Iterable[str]) -> Iterator[None]:
        self.set_installed_apps(entries)
        try:
            yield
        finally:
            self.unset_installed_apps()

    def set_installed_apps(self, installed: Iterable[str]) -> None:
        """Use these applications until `unset_installed_apps`."""
        self._overrides.append(self._installed)
        self._installed = installed_apps(installed)
        self.clear_cache()

    def unset_installed_apps(self) -> None:
        """Undo `set_installed_apps`."""
        self._installed = self._overrides.pop()
        self.clear_cache()

    # --- models -------------------------------------------------------------------------------

    def get_models(self, include_auto_created: bool = False, include_swapped: bool = False) -> list[Any]:
        """All models, without those made for many-to-many fields and those swapped out unless asked for."""
        key = (include_auto_created, include_swapped)
        found = self._models.get(key)
        if found is None:
            found = [
                model
                for models in list(self.all_models.values())
                for model in list(models.values())
                if (include_auto_created or not model._meta.auto_created)
                and (include_swapped or not model._meta.swapped)
            ]
            self._models[key] = found
        return list(found)

    def get_model(self, app_label: str, model_name: str | None = None, require_ready: bool = True) -> Any:
        """The model `app_label.model_name`; both may be given as one dotted name, in any case.

        Raises:
            LookupError: there is none.
            ValueError: `app_label` alone, without a dot.
        """
        del require_ready
        if model_name is None:
            app_label, model_name = app_label.split(".")
        found = self.all_models.get(app_label, {}).get(model_name.lower())
        if found is not None:
            return found
        config = self.get_app_config(app_label)
        return config.get_model(model_name)

    def get_registered_model(self, app_label: str, model_name: str) -> Any:
        """A model that has been defined.

        Raises:
            LookupError: it has not been.
        """
        found = self.all_models.get(app_label, {}).get(model_name.lower())
        if found is None:
            raise LookupError(f"Model '{app_label}.{model_name}' not registered.")
        return found

    def register_model(self, app_label: str, model: Any) -> None:
        """Add a model that was just made.

        Raises:
            RuntimeError: another of the same name exists, from another module.
        """
        name = model._meta.model_name
        models = self.all_models[app_label]
        other = models.get(name)
        if other is not None:
            if model.__name__ != other.__name__ or model.__module__ != other.__module__:
                raise RuntimeError(f"Conflicting '{name}' models in application '{app_label}': {other} and {model}.")
            warnings.warn(
                f"Model '{app_label}.{name}' was already registered. Reloading models is not advised as it can lead to "
                "inconsistencies, most notably with related models.",
                RuntimeWarning,
                stacklevel=2,
            )
        models[name] = model
        self.do_pending_operations(model)
        self.clear_cache()

    def clear_cache(self) -> None:
        """Let every model forget its lists of fields: models have come or gone."""
        self._models.clear()
        self.get_swappable_settings_name.cache_clear()
        # Only lists with relations of other models are out of date, and few were asked for while models are defined.
        for options in self._reversed:
            options._expire_cache()
        self._reversed.clear()

    def keeps_reverse(self, options: Any) -> None:
        """Note that a model has listed the relations of others."""
        self._reversed.add(options)

    @functools.cache  # noqa: B019 - a registry lives as long as the process, or is a test's
    def get_swappable_settings_name(self, to_string: str) -> str | None:
        """The setting that may put another model in place of `to_string`; None when none does."""
        wanted = to_string.lower()
        for model in self.get_models(include_swapped=True):
            meta = model._meta
            if meta.swapped and meta.swapped.lower() == wanted:
                return str(meta.swappable)
            if meta.swappable and meta.label_lower == wanted:
                return str(meta.swappable)
        return None

    # --- waiting ------------------------------------------------------------------------------

    def lazy_model_operation(self, function: Callable[..., Any], *model_keys: ModelKey) -> None:
        """Call `function` with the models of these keys, as soon as all are defined."""
        if not model_keys:
            function()
            return
        next_key, *more = model_keys

        def with_next(model: Any) -> None:
            self.lazy_model_operation(functools.partial(function, model), *more)

        with_next.func = function  # type: ignore[attr-defined]
        try:
            model = self.get_registered_model(*next_key)
        except LookupError:
            self._pending[next_key].append(with_next)
        else:
            with_next(model)

    def do_pending_operations(self, model: Any) -> None:
        """Run what waited for `model`."""
        key = (model._meta.app_label, model._meta.model_name)
        for function in self._pending.pop(key, []):
            function(model)

    @property
    def _pending_operations(self) -> dict[ModelKey, list[Callable[..., Any]]]:
        return self._pending

    def waiting_for(self) -> list[str]:
        """Labels of the models that something waits for; `covet check` names them."""
        return sorted(".".join(key) for key, functions in self._pending.items() if functions)


def label_of_module(module: str, registry: Apps | None = None) -> str:
    """The application label of a model defined in `module`, when Meta does not say.

    The installed application that contains the module; else the package around `models`; else the
    module's first package; `app` for a script.
    """
    config = (registry or apps).get_containing_app_config(module)
    if config is None and registry is not None:
        config = apps.get_containing_app_config(module)
    if config is not None:
        return config.label
    parts = module.split(".")
    if "models" in parts[1:]:
        return parts[parts.index("models", 1) - 1]
    return "app" if parts[0] in {"__main__", "models"} else parts[0]


def make_model_tuple(model: Any) -> ModelKey:
    """(app label, lower-case name) of a model or of `'app.Model'`.

    Raises:
        ValueError: a string of another form.
    """
    if isinstance(model, tuple):
        return model
    if isinstance(model, str):
        label, _dot, name = model.partition(".")
        if not label or not name or "." in name:
            raise ValueError(
                f"Invalid model reference '{model}'. String model references must be of the form 'app_label.ModelName'."
            )
        return label, name.lower()
    return model._meta.app_label, model._meta.model_name


def nearest_models(name: str) -> str:
    """The labels of all models, those nearest to `name` first, for messages."""
    return ", ".join(choices(name, (model._meta.label for model in apps.get_models())))


apps = Apps(None)
use_registry(apps)
