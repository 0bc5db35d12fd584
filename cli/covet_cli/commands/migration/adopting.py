"""`covet migration adopt`."""

from __future__ import annotations

import sys

import click

from covet.database.migrations.accepted import FILE
from covet.database.migrations.commands import adopting
from covet_cli.commands.migration.project import finish, models_of, open_project
from covet_cli.console import out


@click.command(epilog="Examples:  covet migration adopt  ·  covet migration adopt --own shop")
@click.option("--own", multiple=True, metavar="APP", help="Take this app over from Django's migrations.")
@click.option("--anyway", is_flag=True, help="Write the baseline even where models and database differ.")
@click.option("--accept", default="", metavar="REASON", help="Write what differs now down as right, and why.")
@click.option("--database", default="default", show_default=True, help="The database that Django made.")
def adopt(*, own: tuple[str, ...], anyway: bool, accept: str, database: str) -> None:
    """Take a database that Django made as the starting point; nothing in it is changed but CovetPy's own record."""
    project = open_project(models=True)
    if own:
        path = adopting.own(project, own)
        out.print(f"Taken over: {', '.join(own)} ({project.shown(path)})", markup=False)
        return
    models = models_of(database)
    if accept and adopting.is_adopted(project):
        lines = finish(lambda: adopting.accept_differences(project, models, accept, database=database))
        out.print(f"{len(lines)} differences accepted ({project.shown(project.main_folder / FILE)})", markup=False)
        for line in lines:
            out.print(f"- {line}", markup=False)
        return
    adopted = finish(lambda: adopting.adopt(project, models, database=database, anyway=anyway, accept=accept))
    for label, head in adopted.heads.items():
        out.print(f"{label}: {head}", markup=False)
    more = f", {adopted.accepted} accepted" if adopted.accepted else ""
    out.print(f"{len(adopted.tables)} tables of Django's, {len(adopted.differences)} differences{more}")
    for line in adopted.differences:
        out.print(f"- {line}", markup=False)
    if adopted.path is None:
        out.print("No baseline was written: correct the models, pass --accept REASON, or --anyway.")
        sys.exit(1)
    out.print(f"Created migration: {project.shown(adopted.path)}", markup=False)
