"""`covet migration apply`, `rollback` and `list`."""

from __future__ import annotations

import sys

import click

from covet.database.migrations.commands import applying, showing
from covet.database.migrations.commands.applying import Watch
from covet.database.migrations.files import MigrationFile
from covet.database.migrations.runner import Done, Options
from covet_cli.commands.migration.project import finish, open_project
from covet_cli.console import out


def _watch(verb: str) -> Watch:
    def started(alias: str, file: MigrationFile) -> None:
        place = "" if alias == "default" else f" on {alias}"
        out.print(f"{verb} {file.title}{place} ... ", end="", markup=False)

    def finished(alias: str, done: Done) -> None:
        out.print("[green]FAKED[/]" if done.faked else f"[green]OK[/] ({done.seconds:.2f} s)")

    return Watch(started, finished)


@click.command(epilog="Examples:  covet migration apply  ·  covet migration apply 0003  ·  covet migration apply --sql")
@click.argument("target", required=False)
@click.option("--app", help="Only this app's migrations and what they need.")
@click.option("--database", help="One database; every one that has migrations unless given.")
@click.option("--fake", is_flag=True, help="Record them without running them.")
@click.option("--fake-initial", is_flag=True, help="Record the first ones where the tables exist without a difference.")
@click.option("--sql", is_flag=True, help="Print what would run, and change nothing.")
@click.option(
    "--lock-timeout", type=float, default=0.4, show_default=True, help="Seconds a statement waits for a lock."
)
@click.option("--wait", type=float, default=900.0, show_default=True, help="Seconds to wait for another run.")
@click.option("--allow-pooler", is_flag=True, help="Run through a pooler that keeps sessions.")
@click.option("--touch-django", is_flag=True, help="Change tables that Django's migrations own, too.")
def apply(
    *,
    target: str | None,
    app: str | None,
    database: str | None,
    fake: bool,
    fake_initial: bool,
    sql: bool,
    lock_timeout: float,
    wait: float,
    allow_pooler: bool,
    touch_django: bool,
) -> None:
    """Apply pending migrations, up to and including TARGET if one is named."""
    options = Options(lock_timeout=lock_timeout, wait=wait, allow_pooler=allow_pooler, touch_django=touch_django)
    project = open_project(options, models=True)
    if sql:
        for file, statements in finish(
            lambda: showing.sql(project, (target,) if target else (), database=database or "default")
        ):
            out.print(f"-- {file.title}", markup=False)
            for statement in statements:
                out.print(statement, markup=False)
        return
    done = finish(
        lambda: applying.apply(
            project,
            target,
            app=app,
            database=database,
            fake=fake,
            fake_initial=fake_initial,
            watch=_watch("Applying"),
        )
    )
    if not any(done.values()):
        out.print("No migrations to apply.")


@click.command(epilog="Examples:  covet migration rollback  ·  covet migration rollback 0002  ·  ... rollback zero")
@click.argument("target", required=False)
@click.option("--app", help="The app that is meant.")
@click.option("--steps", type=int, default=1, show_default=True, help="How many to undo where no TARGET is named.")
@click.option("--database", default="default", show_default=True, help="The database.")
@click.option("--fake", is_flag=True, help="Forget the records without running anything.")
@click.option("--touch-django", is_flag=True, help="Change tables that Django's migrations own, too.")
def rollback(*, target: str | None, app: str | None, steps: int, database: str, fake: bool, touch_django: bool) -> None:
    """Undo the last migration, or everything after TARGET ('zero': everything)."""
    project = open_project(Options(touch_django=touch_django), models=True)
    done = finish(
        lambda: applying.rollback(
            project, target, app=app, steps=steps, database=database, fake=fake, watch=_watch("Rolling back")
        )
    )
    if not done:
        out.print("Nothing to roll back.")


@click.command(name="list", epilog="Examples:  covet migration list  ·  covet migration list --check")
@click.option("--database", help="One database; every one that has migrations unless given.")
@click.option("--check", is_flag=True, help="Exit 1 when something is pending.")
def list_(*, database: str | None, check: bool) -> None:
    """Show every migration, applied or pending."""
    project = open_project()
    found = finish(lambda: applying.status(project, database=database))
    pending = False
    for alias, lines in found.items():
        if len(found) > 1:
            out.print(f"[bold]{alias}[/]")
        for line in lines:
            moment = f"  {line.record.applied_at:%Y-%m-%d %H:%M}" if line.is_applied and line.record else ""
            note = "  (edited after it was applied)" if line.is_changed else ""
            note = "  (its file is gone)" if line.file is None else note
            if line.record is not None and not line.record.is_finished:
                note = f"  (interrupted after step {line.record.steps})"
            out.print(f"{'[X]' if line.is_applied else '[ ]'} {line.title}{moment}{note}", markup=False)
            pending = pending or not line.is_applied
        if not lines:
            out.print("No migrations.")
    sys.exit(1 if check and pending else 0)
