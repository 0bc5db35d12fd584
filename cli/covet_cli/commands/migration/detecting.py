"""`covet migration auto`."""

from __future__ import annotations

import ast
import sys
from typing import Any

import click

from covet.database.migrations.commands import detecting
from covet.database.migrations.commands.detecting import DEFAULT_TITLE, Answers
from covet_cli.commands.migration.project import finish, models_of, open_project
from covet_cli.console import err, out


def value(text: str) -> Any:
    """A value from the command line: a Python literal, or the text itself."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _ask_value(name: str) -> Any:
    err.print(f"{name} may not be NULL, has no default, and its table has rows.", markup=False)
    return value(click.prompt("What do they get (a Python literal, or text)", err=True))


@click.command(
    epilog='Examples:  covet migration auto  ·  covet migration auto "Add phone" --rename User.mail:email  ·  '
    "covet migration auto --fill User.age=0"
)
@click.argument("title", default=DEFAULT_TITLE)
@click.option("--app", default="", help="Only this app's models, into its own folder.")
@click.option("--database", default="default", show_default=True, help="The database to compare with.")
@click.option("--rename", "renames", multiple=True, metavar="OLD:NEW", help="Model.old:new or old_table:new_table.")
@click.option(
    "--fill", "fills", multiple=True, metavar="FIELD=VALUE", help="What existing rows get: Model.field=value."
)
@click.option("--no-input", is_flag=True, help="Ask nothing.")
@click.option("--dry-run", is_flag=True, help="Print the migration instead of writing it.")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 when something has changed.")
def auto(
    *,
    title: str,
    app: str,
    database: str,
    renames: tuple[str, ...],
    fills: tuple[str, ...],
    no_input: bool,
    dry_run: bool,
    check: bool,
) -> None:
    """Detect model changes and write the migration that makes them."""
    project = open_project(models=True)
    asks = sys.stdin.isatty() and not no_input and not check
    pairs = (each.partition("=") for each in fills)
    answers = Answers(
        renames=renames,
        fills={name: value(text) for name, _, text in pairs},
        ask_rename=(lambda question: click.confirm(question, err=True)) if asks else None,
        ask_fill=_ask_value if asks else (lambda name: 0) if check else None,
    )
    found = finish(
        lambda: detecting.auto(
            project,
            models_of(database),
            title,
            app=app,
            database=database,
            answers=answers,
            dry_run=dry_run or check,
        )
    )
    for line in found.owned:
        err.print(f"Left to Django's migrations, which own the table: {line}", style="yellow", markup=False)
    if found.path is None:
        out.print("No changes detected.")
        return
    if dry_run:
        out.print(found.source, markup=False)
        return
    if not check:
        out.print(f"Created migration: {project.shown(found.path)}", markup=False)
    for note in found.notes:
        out.print(f"- {note}", markup=False)
    for hint in found.hints:
        err.print(
            f"If that is a rename, delete the file and run again with --rename {hint}", style="yellow", markup=False
        )
    sys.exit(1 if check else 0)
