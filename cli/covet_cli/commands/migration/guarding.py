"""`covet migration check`."""

from __future__ import annotations

import sys

import click

from covet.database.migrations.commands import guarding
from covet_cli.commands.migration.project import finish, open_project
from covet_cli.console import out


@click.command(epilog="Examples:  covet migration check  ·  covet migration check 0007 --write")
@click.argument("names", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every migration, applied or not; no database is asked.")
@click.option("--write", is_flag=True, help="Rewrite unsafe ones as expand, backfill and contract.")
@click.option("--database", default="default", show_default=True, help="The database.")
def check(*, names: tuple[str, ...], every: bool, write: bool, database: str) -> None:
    """Name what pending migrations (or NAMES) would do to a system in use; exits 1 when something is unsafe."""
    project = open_project()
    found = finish(lambda: guarding.guard(project, names, every=every, database=database))
    for guarded in found:
        for unsafe in guarded.unsafe:
            where = f"{project.shown(guarded.file.path)}:{unsafe.call.line}"
            out.print(f"{where}: {unsafe.code} {unsafe.call.name} {unsafe.call.table}: {unsafe.problem}", markup=False)
            out.print(f"    safe: {unsafe.advice}", markup=False)
    if write:
        finish(lambda: guarding.rewritable(project, found, database=database))
        # The last one first: the files behind a migration that is split get other numbers.
        parts = {path.stem.partition("_")[2] for guarded in reversed(found) for path in guarding.rewrite(guarded)}
        for file in project.files():
            if file.path.stem.partition("_")[2] in parts:
                out.print(f"Created migration: {project.shown(file.path)}", markup=False)
    if not found:
        out.print("Nothing unsafe.")
    elif not write:
        out.print("Silence one with a comment:  # covet: unsafe-ok REASON")
    sys.exit(1 if found and not write else 0)
