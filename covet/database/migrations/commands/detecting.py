"""`covet migration auto`: writes the migration that takes the database to what the models say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from covet.database.adapters.base import Adapter
from covet.database.migrations import files
from covet.database.migrations.changes import AddColumn, AlterColumn, Change, in_order, way_back
from covet.database.migrations.comparison import Compared, Wanted, compare
from covet.database.migrations.files import MigrationFile
from covet.database.migrations.filling import AskValue, Filling
from covet.database.migrations.graph import Graph
from covet.database.migrations.guard.calls import read_source
from covet.database.migrations.managed import made_tables, managed_tables
from covet.database.migrations.notes import Notes
from covet.database.migrations.operations.columns import KEEP
from covet.database.migrations.pattern_indexes import pattern_index_calls
from covet.database.migrations.project import Project
from covet.database.migrations.renames import Ask, find_renames
from covet.database.migrations.replay import CannotReplay, replay
from covet.database.migrations.runner import Runner
from covet.database.migrations.session import open_session, vendor_of
from covet.database.migrations.source import Source, file_source
from covet.database.migrations.sqltext import quote
from covet.database.migrations.states.base import SchemaState
from covet.database.migrations.states.reading import read_schema
from covet.database.migrations.wording import Wording
from covet.exceptions import CovetError

_ZEROS: tuple[tuple[tuple[str, ...], Any], ...] = (
    (("json",), "{}"),
    (("uuid", "char(32)"), "00000000000000000000000000000000"),
    (("inet", "char(39)"), "0.0.0.0"),  # noqa: S104 - a value, no address to listen on
    (("char", "text"), ""),
    (("bytea", "blob"), b""),
    (("bool", "tinyint(1)"), False),
    (("timestamp", "datetime"), "1970-01-01 00:00:00"),
    (("date",), "1970-01-01"),
    (("interval",), "0 seconds"),
    (("time",), "00:00:00"),
    (("int", "numeric", "decimal", "real", "double", "float", "serial"), 0),
)
DEFAULT_TITLE = "Detected model changes"


class NotUpToDate(CovetError):
    """What pending migrations would make cannot be told, so that comparing the models would write it again."""


@dataclass(frozen=True)
class Answers:
    """What a person knows and models do not say.

    Attributes:
        renames: `table.old:new` or `old_table:new_table`.
        fills: `Model.field` to the value for rows that exist.
        ask_rename: asked about what looks like a rename.
        ask_fill: asked for the value for rows that exist.
    """

    renames: Sequence[str] = ()
    fills: Mapping[str, Any] = field(default_factory=dict)
    ask_rename: Ask | None = None
    ask_fill: AskValue | None = None


@dataclass(frozen=True)
class Detected:
    """What was found.

    Attributes:
        path: the file that was written; None where nothing has changed.
        notes: the changes, as people read them.
        hints: what looks like a rename and was not taken for one.
        owned: changes of tables that Django's migrations own; they are not in the file.
        source: the file's text.
    """

    path: Path | None
    notes: list[str]
    hints: list[str]
    owned: list[str]
    source: str = ""


async def auto(
    project: Project,
    models: Iterable[Any],
    title: str = DEFAULT_TITLE,
    *,
    app: str = "",
    database: str = "default",
    answers: Answers | None = None,
    dry_run: bool = False,
) -> Detected:
    """Compare models and database, and write what separates them.

    Args:
        project: the project.
        models: model classes, the made ones of many-to-many fields too.
        title: the migration's docstring and part of its name.
        app: only this app's models, into its folder; everything into the project's own unless given.
        database: the alias.
        answers: what models do not say.
        dry_run: write no file.

    Raises:
        NotUpToDate: migrations are pending, and what they will make cannot be told.
        NeedsDefault: a new column wants a value for rows that exist.
    """
    answers = answers or Answers()
    loaded = project.files()
    runner = project.runner(database, loaded=loaded)
    classes = [model for model in models if not app or model._meta.app_label == app]
    graph = await runner.graph()
    managed = managed_tables(graph.order) if not app else set()
    managed |= {text.split(":")[0] for text in answers.renames if "." not in text.split(":")[0]}
    wanted = Wanted.of(classes, managed=managed)
    pending = graph.pending()
    live = await _once_applied(runner, graph, pending, wanted) if pending else None
    compared = await compare(runner.adapter, wanted, live=live)
    compared, renames = find_renames(compared, answers.renames, answers.ask_rename)
    vendor = vendor_of(runner.adapter.dialect)
    notes = Notes(compared.wanted.schemas[vendor])
    owned = project.ownership.tables
    compared.changes, _ = project.accepted.split(compared.changes, notes, vendor)
    foreign = [each for each in compared.changes if each.table in owned]
    changes = in_order([each for each in compared.changes if each.table not in owned])
    if not changes:
        return Detected(None, [], renames.refused, notes.lines(foreign))
    filling = Filling(
        classes,
        given=answers.fills,
        has_rows=await _tables_with_rows(runner.adapter, changes),
        ask=answers.ask_fill,
    )
    source = _source(compared, changes, title, filling, database=database, vendor=vendor)
    folder = project.folder(app)
    number = files.next_number(folder)
    path = folder / f"{number:04d}_{_name(title, number)}.py"
    if not dry_run:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(source, "utf-8")
    return Detected(path, notes.lines(changes), renames.refused, notes.lines(foreign), source)


async def _once_applied(runner: Runner, graph: Graph, pending: Sequence[MigrationFile], wanted: Wanted) -> SchemaState:
    """The tables as they will be when pending migrations are applied: the files are run in a shadow."""
    names = ", ".join(each.title for each in pending)
    made = made_tables(graph.order)
    others = sorted({call.table for each in pending for call in read_source(each.path).calls if call.is_ddl} - made)
    if others:
        raise NotUpToDate(
            f"Apply what is pending first (`covet migration apply`): {names}. It changes tables that no migration of "
            f"this project has made: {', '.join(others)}"
        )
    try:
        _, replayed = await replay(runner.adapter, graph.order, named=wanted.all_named)
    except CannotReplay as error:
        raise NotUpToDate(f"Apply what is pending first (`covet migration apply`): {names}. {error}") from error
    async with open_session(runner.adapter) as session:
        now = await read_schema(session, named=wanted.all_named)
    kept = {name: state for name, state in now.items() if name not in made}
    return kept | {name: state for name, state in replayed.items() if name in made}


def _name(title: str, number: int) -> str:
    if title != DEFAULT_TITLE:
        return files.slug(title)
    return "initial" if number == 1 else "auto_detected"


def _source(
    compared: Compared, changes: list[Change], title: str, filling: Filling, *, database: str, vendor: Any
) -> str:
    wording = Wording(compared.wanted.schemas, compared.target, vendor)
    up = Source(wording, fill=filling, existing=compared.live).calls(changes)
    back = Source(wording, fill=lambda table, column: _zero(compared, table, column), existing=_all_tables(compared))
    down = back.calls(way_back(changes))
    more, less = pattern_index_calls(compared, changes, vendor)
    up, down = up + more, less + down
    attributes = [("database", database)] if database != "default" else []
    return file_source(title, up, down, attributes=attributes)


def _all_tables(compared: Compared) -> list[str]:
    return [*compared.live, *compared.target]


def _zero(compared: Compared, table: str, column: str) -> Any:
    """What rows get when a rollback brings a column back: nobody has kept its values."""
    known = compared.live.get(table)
    if known is None or column not in known.columns:
        return KEEP
    if any(column in each.columns for each in known.of_kind("f")):
        # No value is better than one that points to nobody; a person has to say which.
        return KEEP
    kind = known.columns[column].type.lower()
    for words, value in _ZEROS:
        if any(word in kind for word in words):
            return value
    return KEEP


async def _tables_with_rows(adapter: Adapter, changes: Iterable[Change]) -> set[str]:
    tables = {each.table for each in changes if isinstance(each, AddColumn | AlterColumn)}
    found: set[str] = set()
    async with open_session(adapter) as session:
        for table in sorted(tables & set(await read_schema(session))):
            if await session.fetch(f"SELECT 1 FROM {quote(table, session.vendor)} LIMIT 1"):
                found.add(table)
    return found
