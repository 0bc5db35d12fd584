"""`covet dbshell`: the database's own prompt, logged in."""

from __future__ import annotations

import os

import click

from covet_cli.console import fail
from covet_cli.project import enter


@click.command(
    context_settings={"ignore_unknown_options": True},
    epilog="Examples:  covet dbshell  ·  covet dbshell -- -c 'SELECT count(*) FROM app_post'",
)
@click.option("--database", "alias", default="default", show_default=True, help="Which database of the settings.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def dbshell(alias: str, arguments: tuple[str, ...]) -> None:
    """Open psql, sqlite3 or mysql on the project's database."""
    from covet.database.connections import connections
    from covet_cli.clients import client_for

    enter()
    client = client_for(connections[alias].config)
    try:
        os.execvpe(
            client.program, [client.program, *client.arguments, *arguments], {**os.environ, **client.environment}
        )
    except FileNotFoundError:
        fail(f"There is no {client.program!r} on PATH; install the database's command-line client.", code=127)
