"""`covet migration sql`, `show` and `graph`."""

from __future__ import annotations

from pathlib import Path

import click

from covet.database.migrations.commands import showing
from covet_cli.commands.migration.project import finish, open_project
from covet_cli.console import out


@click.command(epilog="Examples:  covet migration sql  ·  covet migration sql 0003")
@click.argument("names", nargs=-1)
@click.option("--database", default="default", show_default=True, help="The database.")
def sql(*, names: tuple[str, ...], database: str) -> None:
    """Print the SQL of pending migrations (or of NAMES) without running it."""
    project = open_project()
    for file, statements in finish(lambda: showing.sql(project, names, database=database)):
        out.print(f"-- {file.title}", markup=False)
        for statement in statements:
            out.print(statement, markup=False)
        out.print()


@click.command(epilog="Example:  covet migration show 0003")
@click.argument("name")
@click.option("--database", default="default", show_default=True, help="The database.")
def show(*, name: str, database: str) -> None:
    """Show one migration: what it does, what it waits for, whether it is applied."""
    project = open_project()
    shown = finish(lambda: showing.show(project, name, database=database))
    status = shown.status
    out.print(f"[bold]{status.title}[/]")
    if status.file is not None:
        out.print(f"  file      {project.shown(status.file.path)}", markup=False)
    if status.is_applied and status.record is not None:
        out.print(f"  applied   {status.record.applied_at:%Y-%m-%d %H:%M:%S %Z}")
    else:
        out.print("  applied   no")
    out.print(f"  waits for {', '.join(shown.waits) or 'nothing'}", markup=False)
    for call in shown.calls:
        out.print(f"  - {call.name} {call.table}", markup=False)


@click.command(epilog="Examples:  covet migration graph  ·  covet migration graph --svg graph.svg")
@click.option("--svg", "path", type=click.Path(path_type=Path, dir_okay=False), help="Write an SVG image there.")
@click.option("--database", help="Mark what is applied on this database.")
def graph(*, path: Path | None, database: str | None) -> None:
    """Show the migrations and what each waits for, as a picture."""
    project = open_project()
    text = finish(lambda: showing.graph(project, database=database, as_svg=path is not None))
    if path is None:
        out.print(text or "No migrations.", markup=False)
        return
    path.write_text(text, "utf-8")
    out.print(f"Wrote {path}", markup=False)
