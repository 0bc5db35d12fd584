"""`covet inspectdb`: models for the tables of a database."""

from __future__ import annotations

import click

from covet.database.connections import connections
from covet.database.migrations.commands import inspecting
from covet.portal.runner import run
from covet_cli.console import out
from covet_cli.project import enter


@click.command(epilog="Examples:  covet inspectdb > app/models/legacy.py  ·  covet inspectdb auth_user")
@click.argument("tables", nargs=-1)
@click.option("--database", default="default", show_default=True, help="The database.")
@click.option("--managed", is_flag=True, help="Let 'covet migration auto' change the tables.")
def inspectdb(*, tables: tuple[str, ...], database: str, managed: bool) -> None:
    """Write models for the tables of a database (all, or TABLES)."""
    enter()

    async def work() -> str:
        return await inspecting.inspectdb(connections[database], tables, managed=managed)

    out.print(run(work()), markup=False, end="")
