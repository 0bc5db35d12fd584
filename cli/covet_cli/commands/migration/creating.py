"""`covet migration create`."""

from __future__ import annotations

import click

from covet.database.migrations.commands import creating
from covet_cli.commands.migration.project import open_project
from covet_cli.console import out


@click.command(epilog='Example:  covet migration create "Add user profile"')
@click.argument("title")
@click.option("--app", default="", help="The app it belongs to; the project's own folder unless given.")
@click.option("--database", default="default", show_default=True, help="The database it is for.")
def create(*, title: str, app: str, database: str) -> None:
    """Write an empty, numbered migration."""
    project = open_project()
    path = creating.create(project, title, app=app, database=database)
    out.print(f"Created migration: {project.shown(path)}", markup=False)
