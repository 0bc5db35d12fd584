"""Calibration: Django itself behind a coroutine surface. What fails here is a limit of the harness.

Every terminal QuerySet, Model and related-manager method that a test calls is a coroutine function, and every
cursor operation waits for the event loop, so that I/O outside the portal raises. Django's own modules, which
expect values, go on calling the plain functions.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Final

from covet.portal import wait
from tests.django_suite.servers import Server, server_for
from tests.django_suite.shim import NotProvided
from tests.django_suite.subjects.base import Subject
from tests.django_suite.waiting import treat_as_lazy

QUERYSET: Final = (
    "get create bulk_create bulk_update get_or_create update_or_create count exists contains aggregate latest "
    "earliest first last in_bulk delete update explain"
).split()
MODEL: Final = "save save_base delete refresh_from_db full_clean validate_unique validate_constraints".split()
RELATED: Final = "add remove set clear create get_or_create update_or_create".split()
ENGINES: Final = {
    "sqlite": "django.db.backends.sqlite3",
    "postgres": "django.db.backends.postgresql",
    "mysql": "django.db.backends.mysql",
}
CONTRIB: Final = (
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sites",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.admin",
    "django.contrib.staticfiles",
)
# Modules that hand sync functions to threads: one thread owns the connections here.
THREADED: Final = (
    "django.db.models.query",
    "django.db.models.base",
    "django.db.models.fields.related_descriptors",
    "django.contrib.contenttypes.fields",
    "django.shortcuts",
    "django.dispatch.dispatcher",
    "django.contrib.auth",
)


def asynchronous(function: Callable[..., Any], called: Callable[[], None]) -> Callable[..., Any]:
    """A coroutine function for the tests, the plain `function` for Django's own modules."""

    async def native(*args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(0)
        return function(*args, **kwargs)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        caller = sys._getframe(1).f_globals.get("__name__", "")
        if caller.split(".")[0] == "django" or caller == __name__:
            return function(*args, **kwargs)
        called()
        return native(*args, **kwargs)

    return call


class Oracle(Subject):
    """Django."""

    name = "oracle"
    borrowed: ClassVar[tuple[str, ...]] = ("django",)
    server: Server

    def is_module(self, dotted: str) -> bool:
        try:
            return importlib.util.find_spec(dotted) is not None
        except (ImportError, ValueError, AttributeError):
            return False

    def patch_target(self, dotted: str) -> str:
        return dotted

    def tolerates(self, error: Exception) -> bool:
        return isinstance(error, NotProvided)

    # -- the life of a run ---------------------------------------------------------------------------------------

    async def prepare(self, labels: Sequence[str], vendor: str) -> None:
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
        self.server = server_for(vendor)
        self.server.recreate(self.aliases)
        from django.conf import settings

        settings.configure(**self._settings())
        import django

        django.setup()
        self._become_asynchronous()
        from django.apps import apps

        own = ["django.contrib.postgres"] if "postgres_tests" in labels else []
        # In the settings too: a test that changes them comes back to these.
        settings.INSTALLED_APPS = [*CONTRIB, *own, *labels]
        apps.set_installed_apps(settings.INSTALLED_APPS)

    def _settings(self) -> dict[str, Any]:
        server = self.server
        databases = {
            alias: {
                "ENGINE": ENGINES[server.vendor],
                "NAME": server.database(alias),
                "USER": server.user,
                "PASSWORD": server.password,
                "HOST": server.host,
                "PORT": server.port or "",
            }
            for alias in self.aliases
        }
        context = "django.template.context_processors"
        processors = [f"{context}.debug", f"{context}.request", "django.contrib.auth.context_processors.auth"]
        processors.append("django.contrib.messages.context_processors.messages")
        return {
            "DATABASES": databases,
            "INSTALLED_APPS": list(CONTRIB),
            "SECRET_KEY": "not a secret",
            "USE_TZ": False,
            "TIME_ZONE": "America/Chicago",
            "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
            "DEFAULT_AUTO_FIELD": "django.db.models.AutoField",
            "ROOT_URLCONF": "urls",
            "SITE_ID": 1,
            "MIGRATION_MODULES": {app.rpartition(".")[2]: None for app in CONTRIB},
            "MIDDLEWARE": [
                "django.contrib.sessions.middleware.SessionMiddleware",
                "django.contrib.auth.middleware.AuthenticationMiddleware",
                "django.contrib.messages.middleware.MessageMiddleware",
            ],
            "TEMPLATES": [
                {
                    "BACKEND": "django.template.backends.django.DjangoTemplates",
                    "APP_DIRS": True,
                    "OPTIONS": {"context_processors": processors},
                }
            ],
            "SILENCED_SYSTEM_CHECKS": ["fields.W342", "postgres.E005", "fields.W903"],
        }

    async def create_tables(self, labels: Sequence[str]) -> dict[str, str]:
        from django.core.management import call_command

        for alias in self.aliases:
            call_command("migrate", verbosity=0, interactive=False, database=alias, run_syncdb=True)
        return {}

    async def close(self) -> None:
        from django.db import connections

        connections.close_all()
        self.server.drop(self.aliases)

    # -- the coroutine surface -----------------------------------------------------------------------------------

    def _become_asynchronous(self) -> None:
        from django.contrib.contenttypes import fields as generic
        from django.db import models
        from django.db.backends import utils
        from django.db.models import manager, query
        from django.db.models.fields import related_descriptors

        treat_as_lazy(query.QuerySet, query.RawQuerySet)
        self._replace(query.QuerySet, QUERYSET)
        self._replace(models.Model, MODEL)
        self._replace(manager.Manager.__mro__[1], QUERYSET)
        for module, name in (
            (related_descriptors, "create_reverse_many_to_one_manager"),
            (related_descriptors, "create_forward_many_to_many_manager"),
            (generic, "create_generic_related_manager"),
        ):
            setattr(module, name, self._related_factory(getattr(module, name)))
        for name in ("_execute", "_executemany"):
            setattr(utils.CursorWrapper, name, self._waiting(getattr(utils.CursorWrapper, name)))
        for dotted in THREADED:
            module = importlib.import_module(dotted)
            if hasattr(module, "sync_to_async"):
                module.sync_to_async = _on_this_thread  # type: ignore[attr-defined]

    def _replace(self, cls: type, names: Iterable[str]) -> None:
        for name in names:
            if name in cls.__dict__:
                setattr(cls, name, asynchronous(cls.__dict__[name], lambda: self._count("terminal call")))

    def _count(self, what: str) -> None:
        self.calls[what] = self.calls.get(what, 0) + 1

    def _related_factory(self, factory: Callable[..., type]) -> Callable[..., type]:
        @functools.wraps(factory)
        def make(*args: Any, **kwargs: Any) -> type:
            made = factory(*args, **kwargs)
            self._replace(made, RELATED)
            return made

        return make

    def _waiting(self, execute: Callable[..., Any]) -> Callable[..., Any]:
        async def over_the_loop(*args: Any, **kwargs: Any) -> Any:
            await asyncio.sleep(0)
            return execute(*args, **kwargs)

        @functools.wraps(execute)
        def call(*args: Any, **kwargs: Any) -> Any:
            self._count("query")
            return wait(over_the_loop(*args, **kwargs))

        return call

    # -- databases -----------------------------------------------------------------------------------------------

    def connection(self, alias: str) -> Any:
        from django.db import connections

        return connections[alias]

    def atomic(self, alias: str) -> Any:
        from django.db import transaction

        block = transaction.atomic(using=alias)
        block._from_testcase = True
        return _Awaited(block)

    def mark_for_rollback(self, alias: str) -> None:
        from django.db import transaction

        transaction.set_rollback(True, using=alias)
        self.connection(alias).run_on_commit = []

    async def flush(self, alias: str) -> None:
        from django.core.management import call_command

        call_command("flush", verbosity=0, interactive=False, database=alias, reset_sequences=False)

    @contextlib.contextmanager
    def capture(self, alias: str) -> Iterator[Sequence[Mapping[str, Any]]]:
        from django.core.signals import request_started
        from django.db import reset_queries

        connection = self.connection(alias)
        forced, connection.force_debug_cursor = connection.force_debug_cursor, True
        connection.ensure_connection()
        request_started.disconnect(reset_queries)
        live = _LiveLog(connection)
        try:
            yield live
        finally:
            live.freeze()
            connection.force_debug_cursor = forced
            request_started.connect(reset_queries)

    def pending_callbacks(self, alias: str) -> list[Any]:
        pending: list[Any] = self.connection(alias).run_on_commit
        return pending

    def load_fixtures(self, names: Iterable[str]) -> None:
        from django.core.management import call_command

        call_command("loaddata", *names, verbosity=0)

    # -- settings and applications -------------------------------------------------------------------------------

    def override_settings(self, options: Mapping[str, Any]) -> AbstractContextManager[Any]:
        from django.test.utils import override_settings

        manager: AbstractContextManager[Any] = override_settings(**options)
        return manager

    def isolate_apps(self, labels: Sequence[str]) -> AbstractContextManager[Any]:
        from django.test.utils import isolate_apps

        manager: AbstractContextManager[Any] = isolate_apps(*labels)
        return manager


class _Awaited:
    """An async context manager over Django's sync one."""

    def __init__(self, manager: Any) -> None:
        self._manager = manager

    async def __aenter__(self) -> Any:
        return self._manager.__enter__()

    async def __aexit__(self, *error: Any) -> Any:
        return self._manager.__exit__(*error)


class _LiveLog(Sequence[Mapping[str, Any]]):
    """A connection's query log since now; fixed by `freeze`."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._start = len(connection.queries_log)
        self._frozen: list[Mapping[str, Any]] | None = None

    def freeze(self) -> None:
        self._frozen = self._entries()

    def _entries(self) -> list[Mapping[str, Any]]:
        return list(self._connection.queries)[self._start :] if self._frozen is None else self._frozen

    def __len__(self) -> int:
        return len(self._entries())

    def __getitem__(self, index: Any) -> Any:
        return self._entries()[index]


class _OnThisThread:
    """`sync_to_async` that runs its function where it is."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(*args, **kwargs)


def _on_this_thread(function: Callable[..., Any] | None = None, **_options: Any) -> Any:
    return _OnThisThread if function is None else _OnThisThread(function)


def make() -> Subject:
    """The subject."""
    return Oracle()
