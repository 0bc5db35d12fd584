"""`covet run`: serves the project with uvicorn."""

from __future__ import annotations

import click

from covet_cli.console import out
from covet_cli.project import enter
from covet_cli.serving import Options, serve


@click.command(epilog="Examples:  covet run --port 8001  ·  covet run --reload  ·  covet run --workers 4 --preload")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="The port to listen on.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1), help="How many processes serve.")
@click.option("--reload", is_flag=True, help="Restart when a file changes.")
@click.option("--preload", is_flag=True, help="Import the project once, then fork the workers (less memory).")
@click.option("--log-level", default="info", show_default=True, help="The server's log level.")
@click.option("--access-log/--no-access-log", default=None, help="Log each request (default: only with DEBUG).")
def run(**options: object) -> None:
    """Serve the project."""
    chosen = Options.from_flags(**options)
    chosen.check()
    enter()
    for line in serve(chosen):
        out.print(line)
