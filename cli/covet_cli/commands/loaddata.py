"""`covet loaddata`: saves the objects of fixtures."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from covet.portal.runner import run
from covet.serializers.fixtures import Loaded, load_fixtures
from covet_cli.console import out
from covet_cli.project import enter, load_models


@click.command(epilog="Examples:  covet loaddata blog.json  ·  covet loaddata authors posts --database legacy")
@click.argument("fixtures", nargs=-1, required=True)
@click.option("--database", default="default", show_default=True, help="The database.")
@click.option("--app", "app_label", help="Look only into the fixtures of this application.")
@click.option("-i", "--ignorenonexistent", is_flag=True, help="Skip models and fields that do not exist.")
@click.option("-e", "--exclude", multiple=True, help="An application or app.Model to leave out; may be repeated.")
@click.option("--format", help="The format of what is read from standard input (the fixture '-').")
def loaddata(
    *,
    fixtures: tuple[str, ...],
    database: str,
    app_label: str | None,
    ignorenonexistent: bool,
    exclude: tuple[str, ...],
    format: str | None,
) -> None:
    """Save the objects of FIXTURES (names or files), all of them or none."""
    # Files are named from where the command is called; entering the project may lead elsewhere.
    places = [str(Path(name).resolve()) if Path(name).is_file() else name for name in fixtures]
    enter()
    load_models()

    async def work() -> Loaded:
        return await load_fixtures(
            *places,
            using=database,
            app_label=app_label,
            ignorenonexistent=ignorenonexistent,
            exclude=exclude,
            stdin=sys.stdin,
            format=format,
        )

    loaded = run(work())
    left_out = "" if loaded.objects == loaded.saved else f" (of {loaded.objects})"
    out.print(f"Installed {loaded.saved} object(s){left_out} from {loaded.fixtures} fixture(s)")
