"""What a framework must tell the harness: names, tables, transactions, settings."""

from __future__ import annotations

import abc
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Any, ClassVar

from tests.django_suite.shim import NotProvided, shim_name


class Subject(abc.ABC):
    """One framework under test."""

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ("default", "other")
    # Django's modules whose real, pure Python implementation may answer.
    borrowed: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        # Names that the kit provides (`django.test`), by module of Django.
        self.kit: dict[str, dict[str, Any]] = {}
        # What the test that runs now needed of the framework, for the results.
        self.calls: dict[str, int] = {}

    # -- names ---------------------------------------------------------------------------------------------------

    def modules_for(self, module: str) -> Sequence[str]:
        """The framework's modules that answer for a module of Django's, in order."""
        return ()

    def resolve(self, module: str, name: str) -> Any:
        """What stands for `module.name` of Django.

        Raises:
            NotProvided: when nothing does.
        """
        own = self.kit.get(module, {})
        if name in own:
            return own[name]
        for target in self.modules_for(module):
            found = import_module(target)
            if hasattr(found, name):
                return getattr(found, name)
        if self._is_borrowed(module):
            return getattr(import_module(module), name)
        raise NotProvided(f"{module}.{name}")

    def is_module(self, dotted: str) -> bool:
        """Whether `dotted` is a module of Django's that can be imported from the shim."""
        return self._is_borrowed(dotted) or any(name == dotted or name.startswith(dotted + ".") for name in self.kit)

    def _is_borrowed(self, module: str) -> bool:
        return any(module == name or module.startswith(name + ".") for name in self.borrowed)

    def assign(self, module: str, name: str, value: Any) -> None:  # noqa: B027 - most need not care
        """A test sets `module.name` (mock.patch): put it where the framework will see it."""

    def patch_target(self, dotted: str) -> str:
        """Where `mock.patch` of Django's `dotted` must reach."""
        return shim_name(dotted)

    def class_path(self, dotted: str) -> str:
        """Where the framework has what Django's tests call `dotted` in a string."""
        return dotted

    def logger_name(self, name: str) -> str:
        """The framework's logger for one of Django's."""
        return name

    def tolerates(self, error: Exception) -> bool:
        """Whether a test module's statement that raised `error` may be dropped."""
        return True

    # -- the life of a run, inside the portal --------------------------------------------------------------------

    @abc.abstractmethod
    async def prepare(self, labels: Sequence[str], vendor: str) -> None:
        """Settings, databases, applications."""

    @abc.abstractmethod
    async def create_tables(self, labels: Sequence[str]) -> dict[str, str]:
        """Create every managed model's table; what failed, by table."""

    @abc.abstractmethod
    async def close(self) -> None:
        """Close connections and drop the databases."""

    # -- databases -----------------------------------------------------------------------------------------------

    @abc.abstractmethod
    def connection(self, alias: str) -> Any:
        """What tests know as `connections[alias]`."""

    @abc.abstractmethod
    def atomic(self, alias: str) -> Any:
        """An async context manager: the outermost test transaction, or a savepoint in it."""

    @abc.abstractmethod
    def mark_for_rollback(self, alias: str) -> None:
        """The open block ends in a rollback whatever happens."""

    @abc.abstractmethod
    async def flush(self, alias: str) -> None:
        """Empty every table."""

    @abc.abstractmethod
    def capture(self, alias: str) -> AbstractContextManager[Sequence[Mapping[str, Any]]]:
        """A live list of the queries made: mappings with `sql` and `time`."""

    @abc.abstractmethod
    def pending_callbacks(self, alias: str) -> list[Any]:
        """What `on_commit` has collected in the open transaction."""

    @abc.abstractmethod
    def load_fixtures(self, names: Iterable[str]) -> None:
        """`loaddata`."""

    # -- settings and applications -------------------------------------------------------------------------------

    @abc.abstractmethod
    def override_settings(self, options: Mapping[str, Any]) -> AbstractContextManager[Any]:
        """Settings replaced for a while."""

    @abc.abstractmethod
    def isolate_apps(self, labels: Sequence[str]) -> AbstractContextManager[Any]:
        """A registry of models of its own for a while."""
