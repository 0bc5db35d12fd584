"""`covet shell`: an interactive Python with the models imported, in which `await` works."""

from __future__ import annotations

import sys

import click

from covet_cli.project import enter, load_models
from covet_cli.repl import interact, run_source


@click.command(epilog="Examples:  covet shell  ·  covet shell -c 'print(await Post.objects.count())'")
@click.option("-c", "--command", help="Run this code and exit.")
@click.option("--plain", is_flag=True, help="Use Python's own prompt even where IPython is installed.")
def shell(command: str | None, *, plain: bool) -> None:
    """Open a Python prompt; await works, and so does implicit loading."""
    enter()
    names = load_models()
    if command is not None:
        run_source(command, names)
    elif not sys.stdin.isatty():
        run_source(sys.stdin.read(), names)
    else:
        interact(names, plain=plain)
