"""`covet collectstatic`: static files into STATIC_ROOT, for the web server."""

from __future__ import annotations

import click

from covet_cli.console import err, out
from covet_cli.project import enter


@click.command(epilog="Examples:  covet collectstatic  ·  covet collectstatic --clear --dry-run")
@click.option("--clear", is_flag=True, help="Empty STATIC_ROOT first.")
@click.option("--dry-run", is_flag=True, help="Only say what would be copied.")
@click.option("--hashed/--no-hashed", default=True, help="Write copies under hashed names, which browsers may keep.")
@click.option("--compress/--no-compress", default=True, help="Write compressed copies beside the files.")
@click.option("--ignore", multiple=True, metavar="PATTERN", help="Leave these names out; may be repeated.")
def collectstatic(*, clear: bool, dry_run: bool, hashed: bool, compress: bool, ignore: tuple[str, ...]) -> None:
    """Collect static files into STATIC_ROOT, under hashed names and compressed too."""
    from covet.static.collecting import collect

    enter()
    result = collect(clear=clear, dry_run=dry_run, hashed=hashed, compress=compress, ignore=ignore)
    for missing in result.missing:
        err.print(f"[yellow]Warning:[/] {missing} does not exist")
    total = len(result.copied) + len(result.unchanged)
    would = "would be copied" if dry_run else "copied"
    out.print(
        f"{total} static files for {result.root}: {len(result.copied)} {would}, {len(result.unchanged)} unchanged, "
        f"{len(result.hashed)} hashed, {len(result.compressed)} compressed",
        markup=False,
    )
