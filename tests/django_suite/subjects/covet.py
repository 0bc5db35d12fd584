"""CovetPy as the subject: our models, our QuerySets, our adapters, our portal."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from importlib import import_module
from importlib.util import find_spec
from typing import Any, ClassVar, Final

from tests.django_suite.servers import Server, server_for
from tests.django_suite.shim import NotProvided
from tests.django_suite.subjects.base import Subject
from tests.django_suite.subjects.names import MODULES, modules_for
from tests.django_suite.waiting import fetch_items_of, treat_as_lazy

ENGINES: Final = {"sqlite": "sqlite", "postgres": "postgresql", "mysql": "mysql"}
DJANGO_ENGINES: Final = {"sqlite": "sqlite3", "postgres": "postgresql", "mysql": "mysql"}
# The extensions that the migrations of an app make; the server may lack some.
EXTENSIONS: Final = {
    "db_functions": ("pgcrypto",),
    "postgres_tests": ("bloom", "btree_gin", "btree_gist", "citext", "pgcrypto", "hstore", "pg_trgm", "unaccent"),
}


class Covet(Subject):
    """The framework of this repository."""

    name = "covet"
    # Pure Python without an ORM in it: what the tests themselves use of Django.
    borrowed: ClassVar[tuple[str, ...]] = (
        "django.db.models.sql.constants",
        "django.utils",
        "django.test.html",
        "django.core.files",
    )
    server: Server

    # -- names ---------------------------------------------------------------------------------------------------

    def modules_for(self, module: str) -> Sequence[str]:
        return [name for name in modules_for(module) if _exists(name)]

    def resolve(self, module: str, name: str) -> Any:
        if f"{module}.{name}" in MODULES:
            # a module of Django's, whatever our module of that name holds
            raise NotProvided(f"{module}.{name}")
        return super().resolve(module, name)

    def is_module(self, dotted: str) -> bool:
        known = dotted in MODULES or any(name.startswith(dotted + ".") for name in MODULES)
        ours = dotted.replace("django.db.models", "covet.database.orm")
        return known or (ours != dotted and _exists(ours)) or super().is_module(dotted)

    def assign(self, module: str, name: str, value: Any) -> None:
        for target in self.modules_for(module):
            found = import_module(target)
            if hasattr(found, name):
                setattr(found, name, value)
                return

    def class_path(self, dotted: str) -> str:
        """As an import of it would be rewritten: the first of our modules that has the name."""
        module, _, name = dotted.rpartition(".")
        for target in self.modules_for(module):
            if name in {"", "%s"} or isinstance(getattr(import_module(target), name, None), type):
                return f"{target}.{name}"
        return dotted

    def logger_name(self, name: str) -> str:
        return "covet.database" if name.startswith("django.db") else name.replace("django", "covet")

    # -- the life of a run ---------------------------------------------------------------------------------------

    async def prepare(self, labels: Sequence[str], vendor: str) -> None:
        self.server = server_for(vendor)
        self.server.recreate(self.aliases)
        from covet.conf import settings

        settings.configure(
            DATABASES={alias: self._database(alias) for alias in self.aliases},
            INSTALLED_APPS=list(labels),
            SECRET_KEY="not a secret",
            USE_TZ=False,
            TIME_ZONE="America/Chicago",
            DEFAULT_AUTO_FIELD="covet.database.orm.fields.AutoField",
            # Django does not validate on save.
            VALIDATE_ON_SAVE=False,
            SITE_ID=1,
        )
        self._configure_django()
        from covet.database import orm

        treat_as_lazy(orm.QuerySet, orm.RawQuerySet, orm.Model)
        fetch_items_of(orm.QuerySet, orm.RawQuerySet)

    def _database(self, alias: str) -> dict[str, Any]:
        server = self.server
        found: dict[str, Any] = {"engine": ENGINES[server.vendor], "database": server.database(alias)}
        if server.vendor != "sqlite":
            found.update(host=server.host, port=server.port, user=server.user, password=server.password)
        return found

    def _configure_django(self) -> None:
        """What is borrowed of Django reads Django's settings; its connections only describe the server."""
        from django.conf import settings

        server = self.server
        if server.vendor == "mysql":
            # The driver that Django asks for has no wheels; this one says that it is it.
            driver: Any = import_module("pymysql")
            driver.version_info = (2, 2, 7, "final", 0)
            driver.install_as_MySQLdb()
        databases = {
            alias: {
                "ENGINE": f"django.db.backends.{DJANGO_ENGINES[server.vendor]}",
                "NAME": server.database(alias),
                "USER": server.user,
                "PASSWORD": server.password,
                "HOST": server.host,
                "PORT": server.port or "",
            }
            for alias in self.aliases
        }
        settings.configure(DATABASES=databases, USE_TZ=False, TIME_ZONE="America/Chicago", USE_I18N=True)
        import django

        django.setup()
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

    async def create_tables(self, labels: Sequence[str]) -> dict[str, str]:
        from covet.database.connections import connections
        from covet.exceptions import DatabaseError
        from tests.django_suite.subjects import tables

        import_module("tests.django_suite.subjects.contrib")
        for label in labels:
            if find_spec(f"{label}.models") is not None:
                import_module(f"{label}.models")
        errors: dict[str, str] = {}
        for alias in self.aliases:
            if self.server.vendor == "postgres":
                # what the apps' own migrations would do
                for extension in itertools.chain.from_iterable(EXTENSIONS.get(label, ()) for label in labels):
                    with contextlib.suppress(DatabaseError):
                        await connections[alias].execute(f"CREATE EXTENSION IF NOT EXISTS {extension}")
            errors.update(await tables.create(alias))
            await tables.create_content_types(alias)
        return errors

    async def close(self) -> None:
        import django.db

        from covet.database.connections import connections

        await connections.close_all(0)
        django.db.connections.close_all()
        self.server.drop(self.aliases)

    # -- databases -----------------------------------------------------------------------------------------------

    def connection(self, alias: str) -> Any:
        from tests.django_suite.subjects.database import connections

        return connections[alias]

    def atomic(self, alias: str) -> Any:
        from tests.django_suite.subjects.database.transactions import TestBlock

        return TestBlock(alias)

    def mark_for_rollback(self, alias: str) -> None:
        """Test blocks always roll back."""

    async def flush(self, alias: str) -> None:
        from tests.django_suite.subjects import tables

        await tables.flush(alias)

    def capture(self, alias: str) -> AbstractContextManager[Sequence[Mapping[str, Any]]]:
        log: AbstractContextManager[Sequence[Mapping[str, Any]]] = self.connection(alias).capture()
        return log

    def pending_callbacks(self, alias: str) -> list[Any]:
        from tests.django_suite.subjects.database import transactions

        return transactions.pending_callbacks(alias)

    def load_fixtures(self, names: Iterable[str]) -> None:
        from covet.portal import wait
        from covet.serializers.fixtures import load_fixtures

        wait(load_fixtures(*names))

    # -- settings and applications -------------------------------------------------------------------------------

    @contextlib.contextmanager
    def override_settings(self, options: Mapping[str, Any]) -> Iterator[None]:
        from django.test.utils import override_settings as djangos

        from covet.conf import override_settings as ours

        shared = {name: value for name, value in options.items() if name in {"USE_TZ", "TIME_ZONE", "USE_I18N"}}
        with ours(**options), djangos(**shared):
            yield

    @contextlib.contextmanager
    def isolate_apps(self, labels: Sequence[str]) -> Iterator[Any]:
        from covet.database.orm import registry
        from covet.database.orm.options import Options

        isolated = registry.Apps(labels)
        before = Options.default_apps
        Options.default_apps = isolated
        try:
            yield isolated
        finally:
            Options.default_apps = before


def _exists(dotted: str) -> bool:
    try:
        return find_spec(dotted) is not None
    except (ImportError, ValueError, AttributeError):
        return False


def make() -> Subject:
    """The subject."""
    return Covet()
