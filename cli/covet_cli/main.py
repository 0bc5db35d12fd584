"""The entry point of `covet`: finds commands by name, imports only the one that runs, and turns errors into exit codes.

Exit codes: 0 done; 1 the command failed; 2 it was called wrongly; 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from covet.exceptions import CovetError
from covet_cli.console import fail
from covet_cli.groups import LazyGroup

COMMANDS = {
    "bench": "covet_cli.commands.bench:bench",
    "check": "covet_cli.commands.check:check",
    "collectstatic": "covet_cli.commands.collectstatic:collectstatic",
    "dbshell": "covet_cli.commands.dbshell:dbshell",
    "doctor": "covet_cli.commands.doctor:doctor",
    "dumpdata": "covet_cli.commands.dumpdata:dumpdata",
    "inspectdb": "covet_cli.commands.inspectdb:inspectdb",
    "loaddata": "covet_cli.commands.loaddata:loaddata",
    "migration": "covet_cli.commands.migration:migration",
    "routes": "covet_cli.commands.routes:routes",
    "run": "covet_cli.commands.run:run",
    "shell": "covet_cli.commands.shell:shell",
    "startapp": "covet_cli.commands.startapp:startapp",
    "startproject": "covet_cli.commands.startproject:startproject",
    "version": "covet_cli.commands.version:version",
}


@click.group(
    cls=LazyGroup,
    commands=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start here:  covet startproject shop  &&  cd shop  &&  covet migration apply  &&  covet run",
)
def cli() -> None:
    """CovetPy: Django's models and habits, awaited."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits; an error the house raises on purpose is one line, not a traceback."""
    try:
        sys.exit(cli.main(args=arguments, prog_name="covet", standalone_mode=True))
    except CovetError as error:
        fail(str(error))
