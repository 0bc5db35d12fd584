"""What the `covet migration` commands share: entering the project, and running one coroutine in it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, TypeVar

from covet.database.adapters.base import Adapter
from covet.database.connections import connections
from covet.database.connections.registry import make_adapter
from covet.database.migrations.project import Project, from_settings
from covet.database.migrations.runner import Options
from covet.database.orm.registry import apps
from covet.database.orm.routers import router
from covet.portal.runner import run
from covet_cli.console import err
from covet_cli.project import enter, load_models

T = TypeVar("T")


def say(text: str) -> None:
    """Progress goes to stderr, so that results can be piped."""
    err.print(f"  {text}", style="dim", markup=False)


def open_project(options: Options | None = None, *, models: bool = False) -> Project:
    """The project in whose folder the command runs; with its models imported if wanted."""
    root = enter()
    if models:
        load_models()
    project = from_settings(root, options=options, say=say)
    project.adapter_of = unhurried
    return project


def unhurried(alias: str) -> Adapter:
    """A database without the limits of requests: filling a large table in takes longer than any page may."""
    adapter = connections[alias]
    config = adapter.config
    if config.command_timeout is not None or config.statement_timeout is not None:
        # The address would bring its limits back; everything else that it says is in the other attributes by now.
        config = replace(config, url="", command_timeout=None, statement_timeout=None)
        # The ORM's queries in run_python ask for it by its alias.
        adapter = connections[alias] = make_adapter(config, alias)
    return adapter


def models_of(database: str) -> list[Any]:
    """The models whose tables belong on a database, the made ones of many-to-many fields too."""
    return [
        model for model in apps.get_models(include_auto_created=True) if router.allow_migrate_model(database, model)
    ]


def finish(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a command's coroutine; the connections it opened are closed at the end."""
    return run(work())
