"""Tables of the test apps' models: made from `Model.table`, emptied between tests that commit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.schema import CreateTable, sort_tables_and_constraints

from covet.database.connections import connections
from covet.database.orm.contenttypes.models import ContentType
from covet.database.orm.registry import apps
from covet.database.orm.routers import router


def managed_tables(alias: str) -> list[sa.Table]:
    """The tables of every managed model that may live on `alias`, those without models included."""
    tables: dict[str, sa.Table] = {}
    for model in apps.get_models(include_auto_created=True):
        options = model._meta
        if options.managed and not options.proxy and not options.swapped and _may_live(alias, model):
            tables.setdefault(model.table.name, model.table)
    return list(tables.values())


def _may_live(alias: str, model: Any) -> bool:
    return bool(router.allow_migrate_model(alias, model))


# What was created, by alias: a test may declare models that have no table.
_created: dict[str, set[str]] = {}


async def create(alias: str) -> dict[str, str]:
    """Create what can be created; the errors by table."""
    _created[alias] = {table.name for table in managed_tables(alias)}
    errors: dict[str, str] = {}
    adapter = connections[alias]
    async with adapter.engine.connect() as connection:
        for name, statements in _statements(managed_tables(alias), adapter.dialect):
            try:
                async with connection.begin():
                    for statement in statements:
                        await connection.execute(statement)
            except (SQLAlchemyError, Exception) as error:
                errors[name] = f"{type(error).__name__}: {error}"
                _created[alias].discard(name)
    return errors


async def create_content_types(alias: str) -> None:
    """A content type for every model, as Django makes them after migrating."""
    models = [model for model in apps.get_models() if _may_live(alias, model)]
    await ContentType.objects.db_manager(alias).create_missing(*models)


def _statements(tables: Iterable[sa.Table], dialect: Any) -> Iterable[tuple[str, list[Any]]]:
    ordered = list(sort_tables_and_constraints(tables))  # type: ignore[no-untyped-call]
    later: list[tuple[str, list[Any]]] = []
    for table, foreign_keys in ordered:
        if table is None:
            later = [(str(key.table.name), [sa.schema.AddConstraint(key)]) for key in foreign_keys]
            continue
        yield (
            table.name,
            [
                CreateTable(table, include_foreign_key_constraints=foreign_keys),
                *(sa.schema.CreateIndex(index) for index in table.indexes),
            ],
        )
    if dialect.name != "sqlite":
        yield from later


async def flush(alias: str) -> None:
    """Empty every table."""
    tables = [table.name for table in managed_tables(alias) if table.name in _created[alias]]
    if not tables:
        return
    adapter = connections[alias]
    quote = adapter.dialect.identifier_preparer.quote
    names = [quote(name) for name in tables]
    if adapter.vendor == "postgresql":
        await adapter.execute(f"TRUNCATE {', '.join(names)} CASCADE")
        return
    off, on = {
        "sqlite": ("PRAGMA foreign_keys = OFF", "PRAGMA foreign_keys = ON"),
        "mysql": ("SET FOREIGN_KEY_CHECKS = 0", "SET FOREIGN_KEY_CHECKS = 1"),
    }[adapter.vendor]
    await adapter.execute(off)
    for name in names:
        await adapter.execute(f"DELETE FROM {name}")
    await adapter.execute(on)
