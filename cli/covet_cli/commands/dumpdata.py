"""`covet dumpdata`: the rows of models as a fixture."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from covet.portal.runner import run
from covet.serializers.dumping import dump
from covet_cli.project import enter, load_models

FILE = click.Path(dir_okay=False, resolve_path=True, path_type=Path)


@click.command(
    epilog="Examples:  covet dumpdata blog --indent 2 -o blog.json  ·  covet dumpdata blog.Post --format jsonl"
)
@click.argument("labels", nargs=-1)
@click.option("--format", default="json", show_default=True, help="json, jsonl, xml, yaml, or a format of the project.")
@click.option("--indent", type=int, help="Indent by that many spaces.")
@click.option("--database", default="default", show_default=True, help="The database.")
@click.option("-e", "--exclude", multiple=True, help="An application or app.Model to leave out; may be repeated.")
@click.option("--natural-foreign", is_flag=True, help="Refer to objects by their natural keys.")
@click.option("--natural-primary", is_flag=True, help="Leave out the primary keys of objects with a natural key.")
@click.option("-a", "--all", "everything", is_flag=True, help="Also rows that a model's default manager hides.")
@click.option("--pks", default="", help="Only the rows of these keys, separated by commas; for one app.Model.")
@click.option("-o", "--output", type=FILE, help="The file to write.")
def dumpdata(
    *,
    labels: tuple[str, ...],
    format: str,
    indent: int | None,
    database: str,
    exclude: tuple[str, ...],
    natural_foreign: bool,
    natural_primary: bool,
    everything: bool,
    pks: str,
    output: Path | None,
) -> None:
    """Write the rows of LABELS (applications, or app.Model; all where none is named)."""
    if pks and (len(labels) != 1 or "." not in labels[0]):
        raise click.UsageError("--pks needs one model: app.Model")

    enter()
    load_models()

    async def work(stream: Any) -> None:
        await dump(
            *labels,
            format=format,
            using=database,
            exclude=exclude,
            primary_keys=[key.strip() for key in pks.split(",") if key.strip()],
            use_natural_foreign_keys=natural_foreign,
            use_natural_primary_keys=natural_primary,
            use_base_manager=everything,
            indent=indent,
            stream=stream,
        )

    if output is None:
        run(work(sys.stdout))
        return
    # A dump that fails must not replace one that is whole.
    partial = output.with_name(f"{output.name}.partial")
    try:
        with partial.open("w", encoding="utf-8") as stream:
            run(work(stream))
        partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)
