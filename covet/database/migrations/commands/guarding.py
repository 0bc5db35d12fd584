"""`covet migration check`: what pending migrations would do to a system that is being used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from covet.database.migrations.files import MigrationFile
from covet.database.migrations.graph import Graph
from covet.database.migrations.guard.calls import read_source
from covet.database.migrations.guard.phases import split
from covet.database.migrations.guard.rules import Unsafe, check
from covet.database.migrations.guard.writing import write_phases
from covet.database.migrations.project import Project


@dataclass(frozen=True)
class Guarded:
    """What one migration would do.

    Attributes:
        file: the migration.
        unsafe: its unsafe operations.
    """

    file: MigrationFile
    unsafe: list[Unsafe]


async def guard(
    project: Project, names: Sequence[str] = (), *, every: bool = False, database: str = "default"
) -> list[Guarded]:
    """Check pending migrations, or the named ones.

    Args:
        project: the project.
        names: migrations; the pending ones unless given.
        every: all of them, applied or not, and without asking a database.
        database: the alias.
    """
    loaded = project.files()
    graph = Graph(loaded)
    if names:
        chosen = [graph[graph.find(name)] for name in names]
    elif every:
        chosen = graph.order
    else:
        chosen = await project.runner(database, loaded=loaded).plan()
    fresh: set[str] = set()
    found: list[Guarded] = []
    for each in chosen:
        source = read_source(each.path)
        unsafe = check(source, fresh)
        # A table that a pending migration makes is used by no release yet.
        fresh |= {call.table for call in source.calls if call.name == "create_table"}
        if unsafe:
            found.append(Guarded(each, unsafe))
    return found


def rewrite(guarded: Guarded) -> list[Path]:
    """Put expand, backfill and contract in the place of an unsafe migration that is not applied."""
    doc = (guarded.file.migration.__doc__ or guarded.file.name).strip().splitlines()[0].rstrip(".")
    source = read_source(guarded.file.path)
    unsafe = [each for each in check(source) if each.call.line in {one.call.line for one in guarded.unsafe}]
    return write_phases(guarded.file.path, split(source, unsafe), title=doc)
