"""What tests share of the framework: settings, databases, signals, registers."""

from __future__ import annotations

import contextvars
import copy
import gc
import importlib
import sys
from collections.abc import Iterator
from typing import Any

from covet.conf.loader import DEFAULTS, settings
from covet.database.connections.registry import connections
from covet.database.orm import signals
from covet.database.orm.lookups.registry import RegisterLookupMixin, on_change
from covet.utils import translation
from tests.isolation.aspect import Aspect


class Context(Aspect):
    """Context variables of ours, as the current time zone and language."""

    name = "context variables"

    def look(self) -> Any:
        context = contextvars.copy_context()
        return {
            variable: value
            for variable, value in context.items()
            if value is not None and variable.name.startswith("covet_")
        }

    def put_back(self, before: Any) -> None:
        for variable in self.look().keys() | before.keys():
            variable.set(before.get(variable))


class Settings(Aspect):
    """The settings: that they were loaded is no change, where all have their defaults."""

    name = "settings"
    DEFAULTS = copy.deepcopy(dict(DEFAULTS))

    def look(self) -> Any:
        if not settings.is_configured:
            return self.DEFAULTS
        found = settings.__dict__.copy()
        for name in ("_loaded", "_subscribers"):
            del found[name]
        if found.pop("_module") is not None:
            found["the module"] = settings.module_name
        return found

    def put_back(self, before: Any) -> None:
        now = self.look()
        settings._replace(copy.deepcopy(before), removed=tuple(now.keys() - before.keys() - {"the module"}))
        settings._module = sys.modules.get(before.get("the module"))


class Connections(Aspect):
    """Configured databases."""

    name = "connections"

    def look(self) -> Any:
        return {"databases": connections._given, **connections._adapters}

    def put_back(self, before: Any) -> None:
        connections.configure(before["databases"])
        connections._adapters.update((name, one) for name, one in before.items() if name != "databases")


class Receivers(Aspect):
    """Who is connected to the signals. One that nobody holds any more is as good as gone."""

    name = "signal receivers"
    SIGNALS = {name: found for name, found in vars(signals).items() if isinstance(found, signals.Dispatcher)}

    def look(self) -> Any:
        return {name: [*found.receivers] for name, found in self.SIGNALS.items() if found.receivers}

    def put_back(self, before: Any) -> None:
        for name, found in self.SIGNALS.items():
            found.receivers[:] = before.get(name, [])
            found.sender_receivers_cache.clear()

    def complaints(self, before: Any, now: Any) -> Iterator[str]:
        gc.collect()
        return super().complaints(self._alive(before), self._alive(now))

    def _alive(self, entries: Any) -> Any:
        alive = {name: [one for one in found if one.receiver() is not None] for name, found in entries.items()}
        return {name: found for name, found in alive.items() if found}


class Lookups(Aspect):
    """Lookups and transforms of the house's own classes."""

    name = "lookups"

    def __init__(self) -> None:
        self._known: dict[Any, Any] | None = None
        on_change.append(self._forget)

    def _forget(self) -> None:
        self._known = None

    def look(self) -> Any:
        if self._known is None:
            self._known = {cls: cls.__dict__.get("class_lookups", {}).copy() for cls in _classes(RegisterLookupMixin)}
        return self._known

    def put_back(self, before: Any) -> None:
        for cls, found in before.items():
            if found:
                cls.class_lookups = found.copy()
            elif "class_lookups" in cls.__dict__:
                del cls.class_lookups
        for listener in on_change:
            listener()

    def complaints(self, before: Any, now: Any) -> Iterator[str]:
        # A class that was not there before came with its module.
        return super().complaints(before, {cls: now[cls] for cls in before if cls in now})


def _classes(base: Any) -> Iterator[Any]:
    if base.__module__.startswith("covet."):
        yield base
    for cls in base.__subclasses__():
        yield from _classes(cls)


class Registers(Aspect):
    """Dictionaries and lists that projects and floors of the house fill; a floor's own entries come with its module."""

    name = "registers"
    PLACES = (
        ("covet.app.lifespan", "_house"),
        ("covet.database.adapters.sqlite.functions", "_aggregates"),
        ("covet.database.adapters.sqlite.functions", "_functions"),
        ("covet.database.orm.expressions.identity", "on_class_change"),
        ("covet.database.orm.lookups.registry", "on_change"),
        ("covet.database.orm.plan", "on_invalidate"),
        ("covet.database.orm.signals", "_registries"),
        ("covet.database.orm.signals", "_waiting"),
        ("covet.portal.runner", "_closers"),
        ("covet.routing.converters", "CONVERTERS"),
        ("covet.utils.health", "_checks"),
    )

    def __init__(self) -> None:
        self._places = {
            f"{module}.{name}": getattr(importlib.import_module(module), name) for module, name in self.PLACES
        }

    def look(self) -> Any:
        return {name: found.copy() for name, found in self._places.items()}

    def complaints(self, before: Any, now: Any) -> Iterator[str]:
        return super().complaints(before, {name: self._without_the_house(before[name], now[name]) for name in now})

    def put_back(self, before: Any) -> None:
        for name, found in self._places.items():
            kept = self._without_the_house(before[name], found)
            for extra in [one for one in kept if one not in before[name]]:
                found.pop(extra) if isinstance(found, dict) else found.remove(extra)
            if isinstance(found, dict):
                found.update(before[name])
            else:
                found[:] = before[name] + [one for one in found if one not in before[name]]

    def _without_the_house(self, before: Any, now: Any) -> Any:
        if isinstance(now, dict):
            return {key: one for key, one in now.items() if key in before or not _is_of_the_house(one)}
        return [one for one in now if one in before or not _is_of_the_house(one)]


def _is_of_the_house(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_of_the_house, value))
    module = getattr(value, "__module__", None) or type(value).__module__
    return module.split(".")[0] in {"covet", "builtins", "math"}


class Taken(Aspect):
    """What the last one made takes over: an application gives the addresses, the last LOGGING was applied."""

    name = "the last application's"
    PLACES = (("covet.http.urls", "_installed"), ("covet.conf.logs", "_applied"))

    def __init__(self) -> None:
        self._places = [getattr(importlib.import_module(module), name) for module, name in self.PLACES]

    def look(self) -> Any:
        return [found.copy() for found in self._places]

    def complaints(self, before: Any, now: Any) -> Iterator[str]:
        return iter(())

    def put_back(self, before: Any) -> None:
        for found, items in zip(self._places, before, strict=True):
            found[:] = items


class Catalog(Aspect):
    """What translates messages."""

    name = "translation"

    def look(self) -> Any:
        return translation._State.catalog

    def put_back(self, before: Any) -> None:
        translation._State.catalog = before
