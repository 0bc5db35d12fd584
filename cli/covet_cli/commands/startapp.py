"""`covet startapp`: another app beside the first."""

from __future__ import annotations

from pathlib import Path

import click

from covet_cli.console import out
from covet_cli.project import enter
from covet_cli.resources import data
from covet_cli.scaffold import Scaffold, check_name, check_target


@click.command(epilog="Example:  covet startapp billing")
@click.argument("name")
def startapp(name: str) -> None:
    """Create an app NAME inside the project."""
    root = enter()
    check_name(name, kind="app")
    check_target(root / name)
    values = {"app_name": name, "app_title": name.replace("_", " ").title()}
    files = Scaffold({data("templates") / "app": "."}, root / name, values).write()
    out.print(f"[bold green]Created[/] app [bold]{name}[/] with {len(files)} files in {Path(name)}/\n")
    out.print("Next:")
    out.print(f"  add '{name}' to INSTALLED_APPS in config/settings.py", markup=False)
    out.print(f"  add router.include('/{name}', '{name}.routers') to app/routers/__init__.py", markup=False)
