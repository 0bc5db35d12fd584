"""The adapters of the configured databases, each made when it is first asked for."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from covet.conf.loader import settings
from covet.database.adapters.base import Adapter
from covet.database.config import DatabaseConfig
from covet.exceptions import ConnectionDoesNotExist, ImproperlyConfigured, choices
from covet.portal.runner import at_close

DEFAULT: Final = "default"
ADAPTERS: Final = {
    "postgresql": ("covet.database.adapters.postgresql.adapter", "PostgreSQLAdapter"),
    "sqlite": ("covet.database.adapters.sqlite.adapter", "SQLiteAdapter"),
    "mysql": ("covet.database.adapters.mysql.adapter", "MySQLAdapter"),
}


def make_adapter(config: DatabaseConfig | Mapping[str, Any] | str, alias: str = DEFAULT) -> Adapter:
    """An adapter for `config`; only this database's driver is imported."""
    config = DatabaseConfig.of(config)
    module, name = ADAPTERS[config.engine]
    try:
        adapter: Adapter = getattr(importlib.import_module(module), name)(config, alias)
    except ModuleNotFoundError as exc:
        raise ImproperlyConfigured(
            f"the driver of {config.engine} is not installed ({exc.name}); install covetpy[{config.engine}]"
        ) from exc
    return adapter


class Connections:
    """Adapters by alias: `connections["default"]`; settings are read when the first one is asked for."""

    def __init__(self, databases: Mapping[str, Any] | None = None) -> None:
        self._given = databases
        self._adapters: dict[str, Adapter] = {}
        # Called after an alias may have come to mean another database.
        self.on_change: list[Callable[[], None]] = []
        settings.subscribe(self._setting_changed)

    @property
    def databases(self) -> dict[str, Any]:
        """Alias to what the settings hold for it: DATABASES, or DATABASE alone as `default`."""
        if self._given is not None:
            return dict(self._given)
        databases = dict(settings.DATABASES or {})
        if settings.DATABASE is not None:
            databases.setdefault(DEFAULT, settings.DATABASE)
        return databases

    def __getitem__(self, alias: str) -> Adapter:
        adapter = self._adapters.get(alias)
        if adapter is None:
            databases = self.databases
            if alias not in databases:
                known = ", ".join(choices(alias, databases)) or "none is configured, set DATABASE in the settings"
                raise ConnectionDoesNotExist(f"no database {alias!r}; choose one of: {known}")
            adapter = self._adapters[alias] = make_adapter(databases[alias], alias)
        return adapter

    def __setitem__(self, alias: str, adapter: Adapter) -> None:
        self._adapters[alias] = adapter

    def __delitem__(self, alias: str) -> None:
        self._adapters.pop(alias, None)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self.databases, *self._adapters]))

    def __contains__(self, alias: object) -> bool:
        return alias in self._adapters or alias in self.databases

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def all(self, *, initialized_only: bool = False) -> list[Adapter]:
        """Every adapter, or only those that were asked for already."""
        return list(self._adapters.values()) if initialized_only else [self[alias] for alias in self]

    def configure(self, databases: Mapping[str, Any] | None) -> None:
        """Use these databases instead of the settings' (tests, scripts); None returns to the settings."""
        self._given = databases
        self._forget()

    def _setting_changed(self, name: str) -> None:
        if name in ("DATABASE", "DATABASES") and self._given is None:
            self._forget()

    def _forget(self) -> None:
        self._adapters.clear()
        for listener in self.on_change:
            listener()

    async def close_all(self, grace: float = 5.0) -> None:
        """Close every pool of the running event loop."""
        for adapter in list(self._adapters.values()):
            await adapter.close(grace)


connections = Connections()
at_close(connections.close_all)


def _after_fork() -> None:
    for adapter in connections.all(initialized_only=True):
        adapter.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


async def get_adapter(alias: str = DEFAULT) -> Adapter:
    """The adapter of a configured database.

    Raises:
        ConnectionDoesNotExist: no database of that alias; the message names the choices.
    """
    return connections[alias]
