"""Routers: which database alias a model reads from and writes to; `router` asks the project's own in turn.

QuerySets, saving, deleting and related managers ask; nothing here opens a connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final

from covet.conf import settings
from covet.exceptions import ImproperlyConfigured

DEFAULT_DB_ALIAS: Final = "default"


class ConnectionRouter:
    """Asks each of DATABASE_ROUTERS until one has an opinion, and falls back to where the instance lives.

    Args:
        routers: router objects or dotted names; None reads the setting, anew after it changes.
    """

    def __init__(self, routers: Sequence[Any] | None = None) -> None:
        self._routers = routers
        self._loaded: list[Any] | None = None
        if routers is None:
            settings.subscribe(self._forget)

    @property
    def routers(self) -> list[Any]:
        """The project's routers."""
        if self._loaded is None:
            declared = settings.DATABASE_ROUTERS if self._routers is None else self._routers
            self._loaded = [_instance(router) if isinstance(router, str) else router for router in declared]
        return self._loaded

    @routers.setter
    def routers(self, routers: list[Any]) -> None:
        self._loaded = routers

    def db_for_read(self, model: type[Any], **hints: Any) -> str:
        """The alias to read `model` from.

        Args:
            model: the model class.
            hints: `instance`, when the read belongs to one.
        """
        return self._ask("db_for_read", model, hints) if self.routers else _home(hints)

    def db_for_write(self, model: type[Any], **hints: Any) -> str:
        """The alias to write `model` to."""
        return self._ask("db_for_write", model, hints) if self.routers else _home(hints)

    def allow_relation(self, obj1: Any, obj2: Any, **hints: Any) -> bool:
        """Whether the two instances may be related; by default when they live in one database."""
        for router in self.routers:
            method = getattr(router, "allow_relation", None)
            if method is not None and (answer := method(obj1, obj2, **hints)) is not None:
                return bool(answer)
        return bool(obj1._state.db == obj2._state.db)

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        """Whether migrations of the app may run on the alias."""
        for router in self.routers:
            method = getattr(router, "allow_migrate", None)
            if method is not None and (answer := method(db, app_label, **hints)) is not None:
                return bool(answer)
        return True

    def allow_migrate_model(self, db: str, model: type[Any]) -> bool:
        """Whether the model's table belongs on the alias."""
        meta: Any = model._meta
        return self.allow_migrate(db, meta.app_label, model_name=meta.model_name, model=model)

    def _ask(self, question: str, model: type[Any], hints: dict[str, Any]) -> str:
        for router in self.routers:
            method = getattr(router, question, None)
            if method is not None and (alias := method(model, **hints)):
                return str(alias)
        return _home(hints)

    def _forget(self, name: str) -> None:
        if name == "DATABASE_ROUTERS":
            self._loaded = None


def _home(hints: dict[str, Any]) -> str:
    instance = hints.get("instance")
    if instance is not None and instance._state.db:
        return str(instance._state.db)
    return DEFAULT_DB_ALIAS


def _instance(dotted: str) -> Any:
    module, _, name = dotted.rpartition(".")
    try:
        return getattr(import_module(module), name)()
    except (ImportError, AttributeError, ValueError) as error:
        message = f"DATABASE_ROUTERS names {dotted!r}, which cannot be imported: {error}"
        raise ImproperlyConfigured(message) from error


router = ConnectionRouter()
