"""`covet check`: finds a project's mistakes without serving it."""

from __future__ import annotations

import sys

import click

from covet_cli.checks import check_database, run_checks
from covet_cli.console import out
from covet_cli.project import enter

COLOURS = {"error": "red", "warning": "yellow"}


@click.command(epilog="Examples:  covet check  ·  covet check --database  ·  covet check --deploy --fail-level warning")
@click.option("--database", is_flag=True, help="Hold the models against the live schema, too.")
@click.option("--deploy", is_flag=True, help="Check what production needs, even with DEBUG on.")
@click.option(
    "--fail-level", type=click.Choice(["error", "warning"]), default="error", show_default=True, help="What exits 1."
)
def check(*, database: bool, deploy: bool, fail_level: str) -> None:
    """Check the project; exits 1 when something is wrong."""
    enter()
    problems = [*run_checks(deploy=deploy), *(check_database() if database else [])]
    for problem in problems:
        out.print(f"[bold {COLOURS[problem.level]}]{problem.level}[/] {problem.code}: ", end="")
        out.print(problem.message, markup=False)
        out.print(f"    {problem.advice}", markup=False)
    if not problems:
        out.print("[green]No problems found.[/]")
    sys.exit(any(problem.level == "error" or fail_level == "warning" for problem in problems))
