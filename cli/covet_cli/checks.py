"""System checks: what is wrong with a project, found without serving it; `covet check` prints them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from covet.conf import settings
from covet.conf.loader import is_insecure_key
from covet.exceptions import CovetError
from covet.utils.async_validators import async_validators
from covet_cli.project import load_application, load_models

Level = Literal["error", "warning"]


@dataclass(frozen=True)
class Problem:
    """One finding; the code never changes its meaning."""

    code: str
    level: Level
    message: str
    advice: str


def run_checks(*, deploy: bool = False) -> list[Problem]:
    """Every problem of the entered project, errors first."""
    found = [*check_models(), *check_application(), *check_schemas(), *check_static()]
    if deploy or not settings.DEBUG:
        found += check_deployment()
    return sorted(found, key=lambda problem: (problem.level != "error", problem.code))


def check_models() -> Iterator[Problem]:
    """Whether the installed apps import, and whether there are any."""
    if not settings.INSTALLED_APPS:
        yield Problem("CV001", "warning", "INSTALLED_APPS is empty.", "Name the packages that hold your models.")
    try:
        load_models()
    except CovetError as error:
        yield Problem("CV002", "error", str(error), "Correct the model or the setting it names.")
        return
    yield from check_declarations()


def check_declarations() -> Iterator[Problem]:
    """What Python accepts in the models and a database or a query would not; the codes are Django's."""
    from covet.database.orm.checks import check_models as problems_of
    from covet.database.orm.registry import apps

    for found in problems_of(apps.get_models()):
        about = getattr(getattr(found.obj, "_meta", None), "label", None) or found.obj
        level: Level = "error" if found.is_serious() else "warning"
        message = f"{about}: {found.msg}" if about else found.msg
        yield Problem(found.id or "CV005", level, message, found.hint or "Correct the declaration.")


def check_application() -> Iterator[Problem]:
    """Whether the ASGI application imports."""
    try:
        load_application()
    except CovetError as error:
        yield Problem("CV003", "error", str(error), "Correct what the message names, then run 'covet check' again.")


def check_schemas() -> Iterator[Problem]:
    """Async functions that pydantic would call and never await: the check that they make would never run."""
    for schema, name in async_validators():
        yield Problem(
            "CV006",
            "error",
            f"{schema.__module__}.{schema.__qualname__}: the validator {name} is async, and pydantic never awaits it: "
            "the value becomes a coroutine, and nothing is checked.",
            "Make it a plain function; check what needs the database in the handler.",
        )


def check_static() -> Iterator[Problem]:
    """Whether the folders of static files exist."""
    for entry in settings.STATICFILES_DIRS:
        folder = Path(entry[1] if isinstance(entry, (list, tuple)) else entry)
        if not folder.is_dir():
            yield Problem(
                "CV004", "warning", f"STATICFILES_DIRS names {str(folder)!r}, which does not exist.", "Make the folder."
            )


def check_deployment() -> Iterator[Problem]:
    """What must not reach production."""
    if settings.DEBUG:
        yield Problem("CV010", "warning", "DEBUG is on.", "Set COVET_DEBUG=0: error pages would show source code.")
    if is_insecure_key(settings.SECRET_KEY):
        yield Problem("CV011", "error", "SECRET_KEY is empty or a default.", "Set COVET_SECRET_KEY to a random value.")
    if not settings.ALLOWED_HOSTS:
        yield Problem("CV012", "error", "ALLOWED_HOSTS is empty.", "Set COVET_ALLOWED_HOSTS=example.org.")
    elif "*" in settings.ALLOWED_HOSTS:
        yield Problem("CV013", "warning", "ALLOWED_HOSTS accepts every host.", "Name the hosts that you serve.")
    if not settings.SESSION_COOKIE_SECURE:
        yield Problem("CV014", "warning", "SESSION_COOKIE_SECURE is off.", "Set it to True where you serve HTTPS.")
    if not settings.SECURE_HSTS_SECONDS:
        yield Problem("CV015", "warning", "SECURE_HSTS_SECONDS is 0.", "Set it once all of the site is HTTPS.")


def check_database() -> list[Problem]:
    """Where the models and the tables of each database do not agree."""
    from covet.database.connections import connections
    from covet.database.migrations.commands.checking import SchemaFinding, check_schema
    from covet.database.migrations.project import from_settings
    from covet.database.orm.registry import apps
    from covet.database.orm.routers import router
    from covet.portal.runner import run

    models = apps.get_models(include_auto_created=True)
    accepted = from_settings().accepted

    async def work() -> list[tuple[str, SchemaFinding]]:
        return [
            (alias, each)
            for alias in connections
            for each in await check_schema(
                connections[alias],
                [model for model in models if router.allow_migrate_model(alias, model)],
                accepted=accepted,
            )
        ]

    found = run(work())
    several = len({alias for alias, _ in found}) > 1
    return [
        Problem(each.code, each.level, f"{alias}: {each.message}" if several else each.message, each.advice)
        for alias, each in found
    ]
