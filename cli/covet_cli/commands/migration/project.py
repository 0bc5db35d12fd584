"""What the `covet migration` commands share: entering the project, and running one coroutine in it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

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
    return from_settings(root, options=options, say=say)


def models_of(database: str) -> list[Any]:
    """The models whose tables belong on a database, the made ones of many-to-many fields too."""
    return [
        model for model in apps.get_models(include_auto_created=True) if router.allow_migrate_model(database, model)
    ]


def finish(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a command's coroutine; the connections it opened are closed at the end."""
    return run(work())
