"""`covet migration apply`, `rollback` and `list`, over every database that has migrations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from covet.database.migrations.files import MigrationFile
from covet.database.migrations.graph import BadGraph
from covet.database.migrations.initial import is_already_there
from covet.database.migrations.project import Project
from covet.database.migrations.runner import Done, Runner, Status
from covet.database.orm.registry import apps
from covet.database.orm.signals import Signal, post_migrate, pre_migrate


@dataclass(frozen=True)
class Watch:
    """Who is told about each migration of a run: alias and file before, alias and result after."""

    started: Callable[[str, MigrationFile], None] = lambda alias, file: None
    finished: Callable[[str, Done], None] = lambda alias, done: None


def runners(project: Project, database: str | None = None) -> list[Runner]:
    """A runner for each database that has migrations, or for the one that was named."""
    loaded = project.files()
    if database is not None:
        return [project.runner(database, loaded=loaded)]
    used = {each.migration.database for each in loaded} | {"default"}
    return [project.runner(alias, loaded=loaded) for alias in project.aliases if alias in used]


async def apply(
    project: Project,
    target: str | None = None,
    *,
    app: str | None = None,
    database: str | None = None,
    fake: bool = False,
    fake_initial: bool = False,
    watch: Watch | None = None,
) -> dict[str, list[Done]]:
    """Apply what is pending.

    Args:
        project: the project.
        target: the last migration to apply, by name, beginning or number.
        app: the app that `target` belongs to; with no target, only this app and what it needs.
        database: one alias; every database that has migrations unless given.
        fake: record without running.
        fake_initial: record first migrations whose tables exist without one difference.
        watch: told about each.

    Returns:
        Alias to what was applied.
    """
    watch = watch or Watch()
    done: dict[str, list[Done]] = {}
    for runner in runners(project, database):
        graph = await runner.graph()
        alias = runner.alias
        if target is not None:
            upto = graph.find(target, app)
        elif app:
            own = [each.key for each in graph.order if each.app == app]
            if not own:
                continue
            upto = own[-1]
        else:
            upto = None
        plan = [(each, False) for each in graph.pending(upto)]
        await _announce(pre_migrate, alias, plan)
        done[alias] = await runner.apply(
            upto,
            fake=fake,
            fake_initial=partial(is_already_there, runner.adapter) if fake_initial else None,
            started=lambda file, alias=alias: watch.started(alias, file),  # type: ignore[misc]
            finished=lambda each, alias=alias: watch.finished(alias, each),  # type: ignore[misc]
        )
        await _announce(post_migrate, alias, plan)
    return done


async def rollback(
    project: Project,
    target: str | None = None,
    *,
    app: str | None = None,
    steps: int = 1,
    database: str = "default",
    fake: bool = False,
    watch: Watch | None = None,
) -> list[Done]:
    """Undo the last migrations, or everything after one.

    Args:
        project: the project.
        target: the migration to go back to; it stays applied. `zero` undoes everything (of `app`).
        app: the app that is meant.
        steps: how many to undo where no target is given.
        database: the alias.
        fake: forget the records without running.
        watch: told about each.

    Raises:
        BadGraph: the target is not applied.
    """
    watch = watch or Watch()
    runner = project.runner(database)
    graph = await runner.graph()
    applied = [each for each in graph.order if each.key in graph.applied and app in {None, each.app}]
    if target == "zero":
        chosen = applied
    elif target is not None:
        key = graph.find(target, app)
        if key not in graph.applied:
            raise BadGraph(f"{graph[key].title} is not applied, so there is no way back to it.")
        after = graph.descendants(key) - {key}
        chosen = [each for each in applied if each.key in after]
    else:
        chosen = applied[-steps:] if steps > 0 else []
    undone = {key for each in chosen for key in graph.descendants(each.key)} & set(graph.applied)
    plan = [(each, True) for each in reversed(graph.order) if each.key in undone]
    await _announce(pre_migrate, database, plan)
    done = await runner.rollback(
        [each.key for each in chosen],
        fake=fake,
        started=lambda file: watch.started(database, file),
        finished=lambda done: watch.finished(database, done),
    )
    await _announce(post_migrate, database, plan)
    return done


async def _announce(signal: Signal, alias: str, plan: Sequence[tuple[MigrationFile, bool]]) -> None:
    """Tell each app's receivers; an app is there when its models were imported."""
    for config in apps.get_app_configs():
        await signal.send(
            sender=config,
            app_config=config,
            verbosity=1,
            interactive=False,
            using=alias,
            plan=list(plan),
            apps=apps,
        )


async def status(project: Project, *, database: str | None = None) -> dict[str, Sequence[Status]]:
    """Alias to every migration, applied or pending."""
    return {runner.alias: await runner.status() for runner in runners(project, database)}
