"""`covet routes`: every address, its verbs, its name and its handler."""

from __future__ import annotations

import click

from covet_cli.addresses import lines
from covet_cli.console import fail, out, table
from covet_cli.project import enter, load_router


@click.command(epilog="Examples:  covet routes  ·  covet routes posts")
@click.argument("containing", required=False, default="")
def routes(containing: str) -> None:
    """List the routes (those whose path, name or handler contains CONTAINING)."""
    enter()
    found = [line for line in lines(load_router()) if any(containing in part for part in line)]
    if not found:
        fail(f"no route contains {containing!r}" if containing else "there are no routes")
    listing = table("Path", "Methods", "Name", "Handler")
    for line in found:
        listing.add_row(*(part.replace("[", "\\[") for part in line))
    out.print(listing)
