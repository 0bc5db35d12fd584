"""`covet migration`: the history of the schema in numbered files; it moves no code from Django."""

from __future__ import annotations

import click

from covet_cli.groups import LazyGroup

_HERE = "covet_cli.commands.migration"
COMMANDS = {
    "adopt": f"{_HERE}.adopting:adopt",
    "apply": f"{_HERE}.applying:apply",
    "auto": f"{_HERE}.detecting:auto",
    "check": f"{_HERE}.guarding:check",
    "create": f"{_HERE}.creating:create",
    "graph": f"{_HERE}.showing:graph",
    "list": f"{_HERE}.applying:list_",
    "rollback": f"{_HERE}.applying:rollback",
    "show": f"{_HERE}.showing:show",
    "sql": f"{_HERE}.showing:sql",
    "squash": f"{_HERE}.squashing:squash",
}


@click.group(
    cls=LazyGroup,
    commands=COMMANDS,
    epilog="Examples:  covet migration auto  ·  covet migration apply  ·  covet migration rollback",
)
def migration() -> None:
    """The schema's history: detect, write, check, apply and undo changes."""
