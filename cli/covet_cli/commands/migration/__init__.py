"""`covet migration`: the schema's history; leaving Django is `covet assess` and `covet convert`."""

from __future__ import annotations

import click

from covet_cli.groups import LazyGroup

_HERE = "covet_cli.commands.migration"
COMMANDS = {
    "apply": f"{_HERE}.applying:apply",
    "auto": f"{_HERE}.detecting:auto",
    "create": f"{_HERE}.creating:create",
    "list": f"{_HERE}.applying:list_",
    "rollback": f"{_HERE}.applying:rollback",
}


@click.group(
    cls=LazyGroup,
    commands=COMMANDS,
    epilog="Examples:  covet migration auto  ·  covet migration apply  ·  covet migration rollback",
)
def migration() -> None:
    """The schema's history: detect, write, check, apply and undo changes."""
