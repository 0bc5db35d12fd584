"""`covet migration squash`: one migration in the place of many, making the same schema."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from covet.database.migrations import differences
from covet.database.migrations.changes import CreateTable
from covet.database.migrations.comparison import Wanted, target_state
from covet.database.migrations.files import MigrationFile, slug
from covet.database.migrations.guard.calls import read_source
from covet.database.migrations.operations.columns import KEEP
from covet.database.migrations.project import Project
from covet.database.migrations.replay import replay
from covet.database.migrations.session import vendor_of
from covet.database.migrations.source import Source, call, file_source
from covet.database.migrations.states.base import SchemaState, TableState
from covet.database.migrations.wording import Wording
from covet.exceptions import CovetError

_DATA = frozenset({"run_python", "backfill", "execute", "alembic"})
_FIRST = frozenset({"create_extension", "create_enum"})


class CannotSquash(CovetError):
    """Migrations hold what a squashed one would lose."""


async def squash(
    project: Project,
    models: Iterable[Any],
    upto: str | None = None,
    *,
    title: str = "Squashed",
    drop_data: bool = False,
    database: str = "default",
) -> Path:
    """Write one migration that makes what several make, and replaces them.

    Databases that have them all count it as applied; new ones run it alone. The replaced files may be deleted
    once every database has the new one.

    Args:
        project: the project.
        models: the model classes; tables that they agree with are worded by them.
        upto: the last one to squash; all unless given.
        title: what the new one is called.
        drop_data: leave data steps and raw SQL out; a new database has no rows for them.
        database: the alias whose server is asked for the schema.

    Raises:
        CannotSquash: fewer than two migrations, or data steps without `drop_data`.
    """
    runner = project.runner(database)
    graph = await runner.graph()
    last = graph.find(upto) if upto else graph.order[-1].key if graph.order else ("", "")
    wanted = graph.ancestors(last) if graph.order else set()
    chosen = [each for each in graph.order if each.key in wanted and each.app == last[0]]
    if len(chosen) < 2:
        raise CannotSquash("There are fewer than two migrations to squash.")
    lost = _data_steps(chosen)
    if lost and not drop_data:
        raise CannotSquash(
            "These steps would be lost: " + "; ".join(lost) + ". A new database has no rows for them; say "
            "--drop-data to leave them out, or squash up to the migration before."
        )
    _, schema = await replay(runner.adapter, [each for each in graph.order if each.key in wanted])
    up, down = await _calls(runner.adapter, models, schema, chosen)
    attributes: list[tuple[str, object]] = [("replaces", [each.name for each in chosen])]
    outside = sorted({key for each in chosen for key in graph.waits[each.key] if key not in {c.key for c in chosen}})
    if outside:
        attributes.append(("dependencies", outside))
    path = chosen[-1].path.with_name(f"{chosen[-1].name.partition('_')[0]}_{slug(title)}.py")
    path.write_text(file_source(title, up, down, attributes=attributes), "utf-8")
    return path


def _data_steps(chosen: Iterable[MigrationFile]) -> list[str]:
    return [
        f"{each.name}:{step.line} {step.name}"
        for each in chosen
        for step in read_source(each.path).calls
        if step.name in _DATA
    ]


async def _calls(
    adapter: Any, models: Iterable[Any], schema: SchemaState, chosen: list[MigrationFile]
) -> tuple[list[str], list[str]]:
    wanted = Wanted.of(models)
    target = await target_state(adapter, wanted)
    made = {
        step.argument(0) for each in chosen for step in read_source(each.path).calls if step.name == "create_table"
    } | {step.argument(1) for each in chosen for step in read_source(each.path).calls if step.name == "rename_table"}
    states = [
        target[name] if name in target and _same(schema[name], target[name]) else state
        for name, state in schema.items()
        if name in made
    ]
    order = {name: place for place, name in enumerate(wanted.schemas["postgresql"].tables)}
    states.sort(key=lambda state: order.get(state.name, len(order)))
    source = Source(Wording(wanted.schemas, target, vendor_of(adapter.dialect)), fill=lambda table, column: KEEP)
    first = [f"await {step.source}" for each in chosen for step in read_source(each.path).calls if step.name in _FIRST]
    up = first + source.calls([CreateTable(state.name, state) for state in states])
    return up, [call("drop_table", state.name, cascade=True) for state in reversed(states)]


def _same(one: TableState, other: TableState) -> bool:
    return not [*differences.column_changes(one, other), *differences.table_changes(one, other)]
