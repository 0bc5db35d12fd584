"""`covet migration check`: what pending migrations would do to a system that is being used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from covet.database.migrations.files import MigrationFile
from covet.database.migrations.graph import Graph
from covet.database.migrations.guard.calls import read_source
from covet.database.migrations.guard.phases import Phases, split
from covet.database.migrations.guard.rules import Unsafe, check
from covet.database.migrations.guard.writing import write_phases
from covet.database.migrations.migration import Migration
from covet.database.migrations.project import Project
from covet.database.migrations.session import open_session
from covet.database.migrations.states.reading import read_schema
from covet.exceptions import CovetError


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


class IsApplied(CovetError):
    """A migration that is in the database already was to be rewritten."""


async def rewritable(project: Project, found: Sequence[Guarded], *, database: str = "default") -> None:
    """Make sure that every one of some unsafe migrations can be rewritten, before one of them is.

    Raises:
        IsApplied: one is in the database already.
        CannotSplit: one has an operation that files cannot make safe.
        NoTwin: one changes a column that cannot be changed beside two releases.
    """
    runner = project.runner(database)
    records = await runner.records()
    begun = [each.file.title for each in found if each.file.key in records]
    if begun:
        raise IsApplied(
            f"{', '.join(begun)}: applied (or begun) on {database!r}, so its file must stay as it is. Rolled back with "
            "`covet migration rollback` it can be rewritten; where it is applied elsewhere too, leave it."
        )
    async with open_session(runner.adapter) as session:
        tables = await read_schema(session)
        migration = Migration(session)
        for each in found:
            _split(each)
            for unsafe in each.unsafe:
                call, options = unsafe.call, unsafe.call.options
                gets_twin = call.name == "rename_column" or (call.name == "alter_column" and "type" in options)
                column = call.argument(1, "name")
                if gets_twin and call.table in tables and column in tables[call.table].columns:
                    await migration.check_twin(call.table, column, options.get("type"))


def rewrite(guarded: Guarded) -> list[Path]:
    """Put expand, backfill and contract in the place of an unsafe migration that is not applied.

    Raises:
        CannotSplit: it has an operation that files cannot make safe; nothing is written.
    """
    doc = (guarded.file.migration.__doc__ or guarded.file.name).strip().splitlines()[0].rstrip(".")
    return write_phases(guarded.file.path, _split(guarded), title=doc)


def _split(guarded: Guarded) -> Phases:
    source = read_source(guarded.file.path)
    unsafe = [each for each in check(source) if each.call.line in {one.call.line for one in guarded.unsafe}]
    return split(source, unsafe)
