"""`covet startproject`: a runnable project."""

from __future__ import annotations

from pathlib import Path

import click

from covet_cli.console import out
from covet_cli.scaffold import (
    DATABASES,
    Scaffold,
    check_name,
    check_target,
    next_steps,
    project_sources,
    project_values,
)


@click.command(
    epilog="Examples:  covet startproject shop  ·  covet startproject shop --database postgresql  ·  "
    "covet startproject shop ."
)
@click.argument("name")
@click.argument("directory", required=False, type=click.Path(path_type=Path))
@click.option("--database", type=click.Choice(DATABASES), default="sqlite", show_default=True, help="Where data lives.")
def startproject(name: str, directory: Path | None, database: str) -> None:
    """Create a project NAME in a new folder (or in DIRECTORY)."""
    check_name(name, kind="project")
    target = directory or Path(name)
    check_target(target)
    values = project_values(name, database=database)
    files = Scaffold(project_sources(database), target, values).write()
    out.print(f"[bold green]Created[/] project [bold]{name}[/] with {len(files)} files in {target}/\n")
    out.print("Next:")
    for step in next_steps(name, target, database):
        out.print(f"  {step}", markup=False)
