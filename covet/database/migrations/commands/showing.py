"""`covet migration sql`, `show` and `graph`: what migrations are and would do; nothing is changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from covet.database.migrations.files import Key, MigrationFile
from covet.database.migrations.graph import Graph
from covet.database.migrations.guard.calls import OperationCall, read_source
from covet.database.migrations.picture import svg, terminal
from covet.database.migrations.project import Project
from covet.database.migrations.replay import replay
from covet.database.migrations.runner import Status


@dataclass(frozen=True)
class Shown:
    """One migration, described.

    Attributes:
        status: the migration and its record.
        calls: the operations of `up()`.
        waits: what it waits for.
    """

    status: Status
    calls: list[OperationCall]
    waits: list[str]


async def sql(
    project: Project, names: Sequence[str] = (), *, database: str = "default"
) -> list[tuple[MigrationFile, list[str]]]:
    """The SQL of pending migrations, or of the named ones, without running it.

    Args:
        project: the project.
        names: migrations; the pending ones unless given.
        database: the alias.
    """
    runner = project.runner(database)
    graph = await runner.graph()
    wanted: list[Key] = [graph.find(name) for name in names] or [each.key for each in graph.pending()]
    if not wanted:
        return []
    last = max(index for index, each in enumerate(graph.order) if each.key in wanted)
    statements, _ = await replay(runner.adapter, graph.order[: last + 1], record=set(wanted))
    return [(each, statements[each.key]) for each in graph.order if each.key in statements]


async def show(project: Project, name: str, *, database: str = "default") -> Shown:
    """What one migration does, and whether it is applied."""
    runner = project.runner(database)
    graph = await runner.graph()
    key = graph.find(name)
    status = next(each for each in await runner.status() if each.file is not None and each.file.key == key)
    waits = [f"{app}/{other}" if app else other for app, other in graph.waits[key]]
    return Shown(status, read_source(graph[key].path).calls, waits)


async def graph(project: Project, *, database: str | None = None, as_svg: bool = False) -> str:
    """The migrations and what each waits for, as a picture.

    Args:
        project: the project.
        database: mark what is applied there; none is marked unless given.
        as_svg: an SVG image instead of text.
    """
    whole = await project.runner(database).graph() if database else Graph(project.files())
    return svg(whole) if as_svg else terminal(whole)
