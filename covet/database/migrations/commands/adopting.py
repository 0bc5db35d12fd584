"""`covet migration adopt`: takes a database that Django made as the starting point, without changing it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from covet.database.adapters.base import Adapter
from covet.database.migrations import files, history
from covet.database.migrations.changes import CreateTable
from covet.database.migrations.comparison import Compared, Wanted, compare
from covet.database.migrations.files import MigrationFile
from covet.database.migrations.notes import Notes
from covet.database.migrations.operations.columns import KEEP
from covet.database.migrations.ownership import Ownership
from covet.database.migrations.project import Project
from covet.database.migrations.session import open_session, vendor_of
from covet.database.migrations.source import Source, call, file_source
from covet.database.migrations.states.reading import read_schema
from covet.database.migrations.wording import Wording
from covet.exceptions import CovetError, choices

_NAME = "0001_django_baseline"


class NothingToAdopt(CovetError):
    """The database has no `django_migrations`, or the project has been adopted already."""


@dataclass(frozen=True)
class Adopted:
    """What was taken over.

    Attributes:
        heads: Django's app label to its last applied migration.
        tables: the tables that Django's migrations own.
        differences: where the models and the database do not agree; empty when adoption is clean.
        path: the baseline; None when differences kept it from being written.
        accepted: how many differences the project accepts.
    """

    heads: dict[str, str]
    tables: list[str]
    differences: list[str]
    path: Path | None
    accepted: int = 0


async def adopt(
    project: Project,
    models: Iterable[Any],
    *,
    database: str = "default",
    anyway: bool = False,
    accept: str = "",
) -> Adopted:
    """Read `django_migrations`, write the baseline and record what Django owns.

    Args:
        project: the project.
        models: the model classes, written for Django's tables.
        database: the alias.
        anyway: write the baseline from the database even where the models differ from it.
        accept: the reason for which every difference that is found now is right; they are written down with it, and
            nobody is told of them again.

    Raises:
        NothingToAdopt: there is nothing of Django's, or a baseline exists.
    """
    folder = project.main_folder
    if is_adopted(project):
        raise NothingToAdopt(f"{project.shown(folder / _NAME)}.py exists: this project has been adopted already.")
    adapter = project.adapter_of(database)
    heads = await _heads(adapter)
    classes = list(models)
    compared = await compare(adapter, Wanted.of(classes))
    wanted = compared.wanted.schemas[vendor_of(adapter.dialect)]
    owners = {model._meta.db_table: model._meta.app_label for model in classes}
    apps = {label: [] for label in heads}  # type: dict[str, list[str]]
    for name in await _table_names(adapter):
        label = owners.get(name) or _owner_by_name(name, heads)
        if label in apps:
            apps[label].append(name)
    tables = sorted(name for names in apps.values() for name in names)
    notes, vendor = Notes(wanted), vendor_of(adapter.dialect)
    changes, _ = project.accepted.split([each for each in compared.changes if each.table in tables], notes, vendor)
    missing = [name for name, label in owners.items() if label in heads and name not in compared.live]
    if accept and changes:
        project.accepted.with_changes(changes, notes, reason=accept, vendor=vendor).write(folder)
        changes = []
    found = notes.lines(changes) + [f"Missing table: {name}" for name in missing]
    accepted = len(project.accepted.differences)
    if found and not anyway:
        return Adopted(heads, tables, found, None, accepted)
    path = _write_baseline(project, compared, [name for name in wanted.tables if name in tables], adapter)
    Ownership({label: tuple(names) for label, names in apps.items()}, heads).write(folder)
    await _record(adapter, path)
    return Adopted(heads, tables, found, path, accepted)


async def accept_differences(
    project: Project, models: Iterable[Any], reason: str, *, database: str = "default"
) -> list[str]:
    """Write down every difference that is found now as right.

    Args:
        project: the project.
        models: the model classes.
        reason: why they are.
        database: the alias.

    Returns:
        A line for each.
    """
    adapter = project.adapter_of(database)
    compared = await compare(adapter, Wanted.of(list(models)))
    vendor = vendor_of(adapter.dialect)
    notes = Notes(compared.wanted.schemas[vendor])
    changes, _ = project.accepted.split(compared.changes, notes, vendor)
    changes = [each for each in changes if not isinstance(each, CreateTable)]
    if changes:
        project.accepted.with_changes(changes, notes, reason=reason, vendor=vendor).write(project.main_folder)
    return notes.lines(changes)


def is_adopted(project: Project) -> bool:
    """Whether the baseline is there."""
    return (project.main_folder / f"{_NAME}.py").exists()


def own(project: Project, labels: Iterable[str]) -> Path:
    """Take apps over from Django: from now on CovetPy's migrations change their tables.

    Raises:
        NothingToAdopt: an app is not Django's; the message names the choices.
    """
    ownership = project.ownership
    wanted = list(labels)
    for label in wanted:
        if label not in ownership.apps:
            known = ", ".join(choices(label, ownership.apps)) or "none is Django's any more"
            raise NothingToAdopt(f"Django's migrations do not own {label!r}; choose one of: {known}")
    return ownership.without(wanted).write(project.main_folder)


async def _heads(adapter: Adapter) -> dict[str, str]:
    async with open_session(adapter) as session:
        if "django_migrations" not in await read_schema(session):
            raise NothingToAdopt(
                "This database has no table django_migrations. Run `python manage.py migrate` in the Django project, "
                "or begin with `covet migration auto`."
            )
        rows = await session.fetch("SELECT app, name FROM django_migrations ORDER BY id")
    return {str(app): str(name) for app, name in rows}


async def _table_names(adapter: Adapter) -> list[str]:
    async with open_session(adapter) as session:
        return sorted(await read_schema(session))


def _owner_by_name(table: str, heads: dict[str, str]) -> str | None:
    """The app of a table that no model stands for: the longest label that its name begins with."""
    fitting = [label for label in heads if table.startswith(f"{label}_")]
    return max(fitting, key=len, default=None)


def _write_baseline(project: Project, compared: Compared, tables: list[str], adapter: Adapter) -> Path:
    vendor = vendor_of(adapter.dialect)
    wording = Wording(compared.wanted.schemas, compared.target, vendor)
    # What the models agree with is worded by them, and so runs on every database.
    states = [
        compared.target[name] if not _differs(compared, name) else compared.live[name]
        for name in tables
        if name in compared.live
    ]
    source = Source(wording, fill=lambda table, column: KEEP)
    up = source.calls([CreateTable(state.name, state) for state in states])
    down = [call("drop_table", state.name, cascade=True) for state in reversed(states)]
    text = file_source("What Django's migrations have made", up, down, attributes=[("is_baseline", True)])
    project.main_folder.mkdir(parents=True, exist_ok=True)
    path = project.main_folder / f"{_NAME}.py"
    path.write_text(text, "utf-8")
    return path


def _differs(compared: Compared, table: str) -> bool:
    return any(change.table == table for change in compared.changes)


async def _record(adapter: Adapter, path: Path) -> None:
    loaded: MigrationFile = next(each for each in files.load({"": path.parent}) if each.path == path)
    async with open_session(adapter) as session:
        await history.ensure(session)
        await history.add(session, loaded)
