"""The settings object: loads the project's settings module on first use, checks it, and lays the environment over it.

Everything imports `settings` from `covet.conf`. Values live in the instance's `__dict__` once loaded, so that reading
one costs an attribute access and no more.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, get_type_hints

from covet.conf import checking
from covet.conf.defaults import Defaults
from covet.exceptions import ImproperlyConfigured, choices

ENVIRONMENT_VARIABLE = "COVET_SETTINGS_MODULE"
DEFAULT_MODULE = "config.settings"
ENVIRONMENT_PREFIX = "COVET_"
# What `startproject` writes, and what the migration guide shows: fine on a laptop, refused in production.
INSECURE_KEY_PREFIX = "covet-insecure-"
PLACEHOLDER_KEYS = frozenset({"", "changeme", "secret", "your-secret-key-here"})

HINTS: Mapping[str, Any] = {name: hint for name, hint in get_type_hints(Defaults).items() if name.isupper()}
DEFAULTS: Mapping[str, Any] = {name: getattr(Defaults, name) for name in HINTS}

Subscriber = Callable[[str], None]

if TYPE_CHECKING:
    _Declared = Defaults
else:

    class _Declared:
        """At run time the defaults are copied into the instance, so that `__getattr__` sees the first access."""


class Settings(_Declared):
    """The project's settings, loaded on first access.

    Known names are typed (see `covet.conf.defaults`); a project may add names of its own, unless they look like a
    misspelt known one.
    """

    def __init__(self) -> None:
        self._module: ModuleType | None = None
        self._loaded = False
        self._subscribers: list[Subscriber] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if not self._loaded:
            self._load()
            return getattr(self, name)
        names = ", ".join(choices(name, self.names())[:5])
        raise AttributeError(f"There is no setting {name!r}; the nearest are: {names}")

    def __setattr__(self, name: str, value: object) -> None:
        if name.isupper():
            if not self._loaded:
                self._load()
            check(name, value, source="settings")
        super().__setattr__(name, value)
        if name.isupper():
            self._announce(name)

    def __repr__(self) -> str:
        source = self._module.__name__ if self._module else "defaults"
        return f"<Settings: {source if self._loaded else 'not loaded'}>"

    @property
    def is_configured(self) -> bool:
        """Whether the settings were loaded or configured."""
        return self._loaded

    @property
    def module_name(self) -> str | None:
        """The dotted name of the module the values come from; None when they were configured or defaulted."""
        return self._module.__name__ if self._module else None

    @property
    def base_dir(self) -> Path:
        """The project's folder: the one above the settings module's package, or the current one."""
        file = self._module.__file__ if self._module else None
        if file is None or self._module is None:
            return Path.cwd()
        return Path(file).resolve().parents[self._module.__name__.count(".")]

    def names(self) -> list[str]:
        """All names that have a value, the project's own included."""
        if not self._loaded:
            self._load()
        return sorted(name for name in self.__dict__ if name.isupper())

    def configure(self, **values: Any) -> None:
        """Sets the settings without a module, for scripts and tests; call it before the first access.

        Raises:
            ImproperlyConfigured: the settings are loaded already, or a name or value is wrong.
        """
        if self._loaded:
            raise ImproperlyConfigured(
                "The settings are loaded already; call settings.configure() before anything reads them, "
                "or use override_settings()."
            )
        self._install(values, source="settings.configure()", module=None)

    def reset(self) -> None:
        """Forgets every value; the next access loads again. For tests that change projects in one process."""
        for name in [name for name in self.__dict__ if name.isupper()]:
            del self.__dict__[name]
        self._module = None
        self._loaded = False

    def subscribe(self, subscriber: Subscriber) -> None:
        """Calls `subscriber(name)` after a setting changed, so that what was computed from it can be dropped."""
        self._subscribers.append(subscriber)

    def check_serving(self) -> None:
        """Refuses a production server that would sign with a key everybody knows.

        Raises:
            ImproperlyConfigured: DEBUG is off, and SECRET_KEY is empty or a generated or documented placeholder.
        """
        if self.DEBUG:
            return
        if is_insecure_key(self.SECRET_KEY):
            raise ImproperlyConfigured(
                "SECRET_KEY is empty or a default, and DEBUG is off: sessions and tokens could be forged. Set the "
                "environment variable COVET_SECRET_KEY to a long random value, "
                "for example from: python -c 'import secrets; print(secrets.token_urlsafe(50))'"
            )

    def _load(self) -> None:
        module = find_settings_module()
        if module is None:
            self._install({}, source="defaults", module=None)
            return
        values = {name: getattr(module, name) for name in dir(module) if name.isupper() and not name.startswith("_")}
        self._install(values, source=module.__name__, module=module)

    def _install(self, values: Mapping[str, Any], *, source: str, module: ModuleType | None) -> None:
        for name, value in values.items():
            check(name, value, source=source)
        self.__dict__.update(DEFAULTS)
        self.__dict__.update(values)
        self.__dict__.update(environment_overrides(os.environ))
        self._module = module
        self._loaded = True

    def _replace(self, values: Mapping[str, Any], removed: tuple[str, ...] = ()) -> None:
        """Sets and removes values without announcing each one twice; `override_settings` calls it."""
        self.__dict__.update(values)
        for name in removed:
            self.__dict__.pop(name, None)
        for name in (*values, *removed):
            self._announce(name)

    def _announce(self, name: str) -> None:
        for subscriber in self._subscribers:
            subscriber(name)


def is_insecure_key(key: str) -> bool:
    """Whether a SECRET_KEY is a placeholder."""
    return key.lower() in PLACEHOLDER_KEYS or key.startswith(INSECURE_KEY_PREFIX)


def check(name: str, value: object, *, source: str) -> None:
    """Holds one setting against its declaration.

    Raises:
        ImproperlyConfigured: the name is a near miss of a known one, or the value has the wrong type.
    """
    hint = HINTS.get(name)
    if hint is None:
        if near := checking.near_miss(name, HINTS):
            raise ImproperlyConfigured(f"{source}: unknown setting {name}; did you mean {' or '.join(near)}?")
        return
    if not checking.accepts(value, hint):
        raise ImproperlyConfigured(
            f"{source}: {name} must be {checking.describe(hint)}; got {value!r} ({type(value).__name__})"
        )


def environment_overrides(environment: Mapping[str, str]) -> dict[str, object]:
    """The values that `COVET_<NAME>` variables give to known settings.

    Raises:
        ImproperlyConfigured: a variable's text cannot be read as its setting's type.
    """
    values: dict[str, object] = {}
    for variable, text in environment.items():
        name = variable.removeprefix(ENVIRONMENT_PREFIX)
        if name == variable or name not in HINTS:
            continue
        try:
            values[name] = checking.parse(text, HINTS[name])
        except ValueError as error:
            raise ImproperlyConfigured(
                f"environment variable {variable} must be {checking.describe(HINTS[name])}: {error}"
            ) from error
        check(name, values[name], source=f"environment variable {variable}")
    return values


def find_settings_module() -> ModuleType | None:
    """Imports the module COVET_SETTINGS_MODULE names, else `config.settings` where the current folder has one.

    Raises:
        ImproperlyConfigured: the variable names a module that does not exist.
    """
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    folder = Path.cwd()
    if (folder / "config" / "settings.py").is_file() and str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    name = named or DEFAULT_MODULE
    if not _exists(name):
        if named:
            raise ImproperlyConfigured(
                f"{ENVIRONMENT_VARIABLE} names {named!r}, and there is no such module; "
                f"the usual value is {DEFAULT_MODULE!r}, and sys.path must hold the project's folder."
            )
        return None
    return importlib.import_module(name)


def _exists(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            return False
        raise


settings = Settings()
