"""The comparison: Alembic walks models and database, and this plugin of it says how each table differs.

Alembic finds the tables and columns that came and went, and their order. What it compares only roughly (types,
defaults) or not at all (checks, conditions, deferrable keys, generated columns) is compared by `differences`, in
the database's own words.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import produce_migrations
from alembic.autogenerate.api import AutogenContext
from alembic.migration import MigrationContext
from alembic.operations import ops
from alembic.runtime.plugins import Plugin
from alembic.util import PriorityDispatchResult

from covet.database.adapters.base import Adapter
from covet.database.migrations import differences
from covet.database.migrations.changes import (
    AddColumn,
    Change,
    CreateTable,
    DropColumn,
    DropTable,
    RenameColumn,
    RenameTable,
    in_order,
)
from covet.database.migrations.session import open_session, vendor_of
from covet.database.migrations.shadow import shadow
from covet.database.migrations.sqltext import VENDORS, Vendor
from covet.database.migrations.states.base import ColumnState, SchemaState, TableState
from covet.database.migrations.states.reading import read_others, read_schema
from covet.database.migrations.wanted.reading import wanted_schema
from covet.database.migrations.wanted.schema import WantedSchema

_PLUGIN = "covet.database.migrations"
_OPTION = "covet_comparison"

# Alembic tells the root logger of every plugin that it sets up.
logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)


@dataclass(frozen=True)
class Wanted:
    """What the models want of one database.

    Attributes:
        schemas: the models' tables in the words of each database.
        managed: tables that migrations have made; only these are dropped when no model has them any more.
    """

    schemas: Mapping[Vendor, WantedSchema]
    managed: frozenset[str] = frozenset()

    @classmethod
    def of(cls, models: Iterable[Any], *, managed: Iterable[str] = ()) -> Wanted:
        """What these models want."""
        classes = list(models)
        return cls({vendor: wanted_schema(classes, vendor) for vendor in VENDORS}, frozenset(managed))

    @property
    def all_named(self) -> frozenset[str]:
        """The constraints and indexes that any model names."""
        return frozenset().union(*(table.named for table in self.schemas["postgresql"].tables.values()))

    def named(self, table: str) -> frozenset[str]:
        """The constraints and indexes of a table that its model names."""
        return self.schemas["postgresql"].tables[table].named


@dataclass
class Compared:
    """Two schemas, and what separates them.

    Attributes:
        live: the database's tables that matter here.
        target: what the models want.
        changes: in the order in which they can be made.
    """

    live: SchemaState
    target: SchemaState
    changes: list[Change]
    wanted: Wanted

    def renamed(self, tables: Mapping[str, str], columns: Iterable[tuple[str, str, str]]) -> Compared:
        """The comparison again, once things are known to have been renamed.

        Args:
            tables: old name to new name.
            columns: table (its new name), old name, new name.
        """
        live = {tables.get(name, name): state for name, state in self.live.items()}
        made: list[Change] = [RenameTable(new, old) for old, new in tables.items()]
        for old, new in tables.items():
            live = {name: differences.with_reference_renamed(state, old, new) for name, state in live.items()}
            live[new] = replace(live[new], name=new)
        for table, old, new in columns:
            made.append(RenameColumn(table, old, new))
            live[table] = differences.with_column_renamed(live[table], old, new)
        moved = {table for table, _, _ in columns} | set(tables.values())
        touched = moved | {name for name in live if live[name] != self.live.get(name)}
        kept = [each for each in self.changes if each.table not in touched and each.table not in tables]
        for name in sorted(touched & set(self.target)):
            kept += differences.column_changes(live[name], self.target[name])
            kept += differences.table_changes(live[name], self.target[name], named=self.wanted.named(name))
        return Compared(live, self.target, in_order(made + kept), self.wanted)


class _Differs(ops.MigrateOperation):
    """Carries one change through Alembic's containers."""

    def __init__(self, change: Change) -> None:
        self.change = change

    def reverse(self) -> _Differs:
        """Alembic turns every operation round; the way back is worked out elsewhere."""
        return _Differs(self.change.reversed())


@dataclass(frozen=True)
class _States:
    live: SchemaState
    target: SchemaState
    wanted: Wanted


def _compare_column(
    context: AutogenContext,
    operation: ops.AlterColumnOp,
    schema: str | None,
    table: str,
    name: str,
    live: sa.Column[Any],
    target: sa.Column[Any],
) -> PriorityDispatchResult:
    del schema, live, target
    states: _States = context.opts[_OPTION]
    pair = states.live[table].columns[name], states.target[table].columns[name]
    if not differences.is_same(*pair):
        operation.kw["modify_covet"], operation.kw["existing_covet"] = pair, None
    return PriorityDispatchResult.CONTINUE


def _compare_table(
    context: AutogenContext,
    operations: ops.ModifyTableOps,
    schema: str | None,
    table: str,
    live: sa.Table | None,
    target: sa.Table | None,
) -> PriorityDispatchResult:
    del schema
    if live is not None and target is not None:
        states: _States = context.opts[_OPTION]
        named = states.wanted.named(table)
        found = differences.table_changes(states.live[table], states.target[table], named=named)
        operations.ops.extend(_Differs(change) for change in found)
    return PriorityDispatchResult.CONTINUE


def _register() -> None:
    plugin = Plugin(_PLUGIN)
    plugin.add_autogenerate_comparator(_compare_column, "column", "covet")
    plugin.add_autogenerate_comparator(_compare_table, "table", "covet")


_register()


async def target_state(adapter: Adapter, wanted: Wanted) -> SchemaState:
    """The tables of the models as this database would keep them."""
    async with shadow(adapter) as session:
        for statement in wanted.schemas[session.vendor].statements(native_uuid=session.target.native_uuid):
            await session.execute(statement)
        return await read_schema(session, named=wanted.all_named)


async def compare(adapter: Adapter, wanted: Wanted, *, live: SchemaState | None = None) -> Compared:
    """What separates a database from its models.

    Args:
        adapter: the database.
        wanted: what the models want.
        live: the tables to compare with, where they are not those that the database has now.
    """
    target = await target_state(adapter, wanted)
    async with open_session(adapter) as session:
        whole = await read_schema(session, named=wanted.all_named) if live is None else live
        others = await read_others(session)
    is_read = live is None
    target = {name: state for name, state in target.items() if name not in others}
    live = {name: state for name, state in whole.items() if name in target or name in wanted.managed}
    states = _States(live, target, wanted)
    if adapter.is_shared or not is_read:
        # A database in memory has one connection, and the session has just had it; Alembic sees only what is there.
        found = _without_alembic(states)
    else:
        async with adapter.engine.connect() as connection:
            found = await connection.run_sync(lambda sync: _produce(sync, states))
    order = {name: place for place, name in enumerate(wanted.schemas[vendor_of(adapter.dialect)].tables)}
    found.sort(key=lambda change: order.get(change.table, len(order)))
    return Compared(live, target, in_order(found), wanted)


def _without_alembic(states: _States) -> list[Change]:
    found: list[Change] = []
    for name, target in states.target.items():
        if name not in states.live:
            found.append(CreateTable(name, target))
            continue
        found += differences.column_changes(states.live[name], target)
        found += differences.table_changes(states.live[name], target, named=states.wanted.named(name))
    found += [DropTable(name, state) for name, state in states.live.items() if name not in states.target]
    return found


def _metadata(states: _States) -> sa.MetaData:
    """The models' tables as far as Alembic walks them: which there are, and their columns."""
    metadata = sa.MetaData()
    for name, table in states.target.items():
        sa.Table(name, metadata, *(sa.Column(column, sa.types.NullType()) for column in table.columns))
    return metadata


def _produce(connection: sa.Connection, states: _States) -> list[Change]:
    metadata = _metadata(states)

    def include(name: str | None, kind: str, parents: Any) -> bool:
        del parents
        return kind != "table" or name in states.live

    context = MigrationContext.configure(
        connection,
        opts={
            "target_metadata": metadata,
            "include_name": include,
            "autogenerate_plugins": ["alembic.autogenerate.schemas", "alembic.autogenerate.tables", _PLUGIN],
            _OPTION: states,
        },
    )
    with warnings.catch_warnings():
        # What SQLAlchemy cannot reflect is read by `states`, which knows it.
        warnings.simplefilter("ignore")
        script = produce_migrations(context, metadata)
    assert script.upgrade_ops is not None
    return [change for operation in script.upgrade_ops.ops for change in _changes(operation, states)]


def _changes(operation: ops.MigrateOperation, states: _States) -> list[Change]:
    if isinstance(operation, ops.ModifyTableOps):
        return [change for each in operation.ops for change in _changes(each, states)]
    if isinstance(operation, _Differs):
        return [operation.change]
    if isinstance(operation, ops.CreateTableOp):
        return [CreateTable(operation.table_name, states.target[operation.table_name])]
    if isinstance(operation, ops.DropTableOp):
        return [DropTable(operation.table_name, states.live[operation.table_name])]
    if isinstance(operation, ops.AddColumnOp):
        return [AddColumn(operation.table_name, _column(states.target, operation.table_name, operation.column.name))]
    if isinstance(operation, ops.DropColumnOp):
        return [DropColumn(operation.table_name, _column(states.live, operation.table_name, operation.column_name))]
    if isinstance(operation, ops.AlterColumnOp):
        old, new = operation.kw["modify_covet"]
        return list(differences.column_change(operation.table_name, old, new))
    return []


def _column(schema: SchemaState, table: str, name: str) -> ColumnState:
    state: TableState = schema[table]
    return state.columns[name]
