"""`covet version`: the version, and which twin of each hot module is active."""

from __future__ import annotations

import platform

import click

from covet._version import __version__
from covet_cli.console import out


@click.command(epilog="Example:  covet version")
def version() -> None:
    """Print the version, and whether the compiled speedups are active."""
    from covet._speedups import active

    out.print(f"[bold]CovetPy {__version__}[/] on Python {platform.python_version()}")
    twins = active()
    pure = [name for name, twin in twins.items() if twin == "pure"]
    if not pure:
        out.print(f"Speedups: compiled ({', '.join(twins)})")
    elif len(pure) == len(twins):
        out.print("Speedups: pure Python; everything works, hot paths run slower. 'covet doctor' says why.")
    else:
        out.print("Speedups: " + ", ".join(f"{name} {twin}" for name, twin in twins.items()))
