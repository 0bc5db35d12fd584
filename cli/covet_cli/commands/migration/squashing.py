"""`covet migration squash`."""

from __future__ import annotations

import click

from covet.database.migrations.commands import squashing
from covet_cli.commands.migration.project import finish, models_of, open_project
from covet_cli.console import out


@click.command(epilog="Examples:  covet migration squash  ·  covet migration squash 0012 --title 'First year'")
@click.argument("upto", required=False)
@click.option("--title", default="Squashed", show_default=True, help="What the new migration is called.")
@click.option("--drop-data", is_flag=True, help="Leave data steps and raw SQL out.")
@click.option("--database", default="default", show_default=True, help="The database whose server is asked.")
def squash(*, upto: str | None, title: str, drop_data: bool, database: str) -> None:
    """Write one migration in the place of many (up to UPTO)."""
    project = open_project(models=True)
    path = finish(
        lambda: squashing.squash(
            project, models_of(database), upto, title=title, drop_data=drop_data, database=database
        )
    )
    out.print(f"Created migration: {project.shown(path)}", markup=False)
    out.print("Databases that have the old ones count it as applied; delete them once every database has it.")
