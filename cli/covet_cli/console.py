"""What commands print with: one rich console each for results and for errors."""

from __future__ import annotations

import sys
from typing import NoReturn

from rich.console import Console
from rich.table import Table

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def fail(message: str, *, code: int = 1) -> NoReturn:
    """Prints an error and exits."""
    err.print("[bold red]Error:[/] ", end="")
    err.print(message, markup=False)
    sys.exit(code)


def table(*columns: str) -> Table:
    """A table in the house's plain style."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    return made
