"""A small project in a folder with one database, and models made for one test."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from covet.database.adapters.base import Adapter
from covet.database.config import DatabaseConfig
from covet.database.connections import connections
from covet.database.connections.registry import make_adapter
from covet.database.migrations.commands import applying, detecting
from covet.database.migrations.commands.detecting import Answers, Detected
from covet.database.migrations.project import Project
from covet.database.migrations.session import open_session
from covet.database.migrations.sqltext import quote, quoted
from covet.database.migrations.states.base import ColumnState, TableState
from covet.database.migrations.states.reading import read_schema
from covet.database.orm.models import Model
from covet.database.orm.plan import invalidate
from covet.database.orm.registry import Apps


def make_models(**models: dict[str, Any]) -> list[type[Model]]:
    """Models in a registry of their own: name to attributes, with Meta options under `Meta`."""
    apps = Apps()
    for name, attributes in models.items():
        options = {"app_label": "lab", "apps": apps, **attributes.get("Meta", {})}
        rest = {key: value for key, value in attributes.items() if key != "Meta"}
        type(name, (Model,), {**rest, "__module__": __name__, "Meta": type("Meta", (), options)})
    return list(apps.get_models(include_auto_created=True))


@dataclass
class Laboratory:
    """A project whose only database is `adapter`."""

    project: Project
    adapter: Adapter

    @property
    def folder(self) -> Path:
        return self.project.main_folder

    async def auto(
        self, models: Iterable[Any], title: str = detecting.DEFAULT_TITLE, *, dry_run: bool = False, **answers: Any
    ) -> Detected:
        return await detecting.auto(self.project, models, title, answers=Answers(**answers), dry_run=dry_run)

    async def apply(self, target: str | None = None, **options: Any) -> list[str]:
        done = await applying.apply(self.project, target, **options)
        return [each.file.name for each in done["default"]]

    async def rollback(self, target: str | None = None, **options: Any) -> list[str]:
        return [each.file.name for each in await applying.rollback(self.project, target, **options)]

    async def schema(self) -> dict[str, TableState]:
        async with open_session(self.adapter) as session:
            return await read_schema(session)

    async def run(self, *statements: str) -> None:
        async with open_session(self.adapter) as session:
            for statement in statements:
                await session.execute(statement)

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        async with open_session(self.adapter) as session:
            return [tuple(row) for row in await session.fetch(sql)]

    async def clean(self) -> None:
        async with open_session(self.adapter) as session:
            names = list(await read_schema(session))
            if session.vendor == "sqlite":
                await session.execute("PRAGMA foreign_keys = OFF")
            if session.vendor == "mysql":
                await session.execute("SET SESSION foreign_key_checks = 0")
            for name in names:
                tail = " CASCADE" if session.vendor == "postgresql" else ""
                await session.execute(f"DROP TABLE {quote(name, session.vendor)}{tail}")
            if session.vendor == "mysql":
                await session.execute("SET SESSION foreign_key_checks = 1")
            if session.vendor == "sqlite":
                await session.execute("PRAGMA foreign_keys = ON")

    async def insert(self, table: str) -> dict[str, Any]:
        """One row with a value in every column that takes one; the row as it is read back."""
        state = (await self.schema())[table]
        vendor = self.adapter.vendor
        names = [c.name for c in state.columns.values() if not c.generated and not c.counting]
        values = ", ".join(sample(state.columns[name], vendor, state) for name in names)
        if names:
            await self.run(f"INSERT INTO {quote(table, vendor)} ({quoted(names, vendor)}) VALUES ({values})")
        else:
            await self.run(
                f"INSERT INTO {quote(table, vendor)} " + ("() VALUES ()" if vendor == "mysql" else "DEFAULT VALUES")
            )
        return (await self.all(table))[0]

    async def all(self, table: str) -> list[dict[str, Any]]:
        state = (await self.schema())[table]
        rows = await self.rows(
            f"SELECT {quoted(state.columns, self.adapter.vendor)} FROM {quote(table, self.adapter.vendor)}"
        )
        return [dict(zip(state.columns, row, strict=True)) for row in rows]


def sample(column: ColumnState, vendor: str, table: TableState) -> str:
    """SQL of a value that fits a column."""
    if column.name.endswith("_id"):
        return "1"
    kind = column.type.lower()
    if "json" in kind:
        return """'{"a": 1}'"""
    if kind in {"uuid", "char(32)"}:
        return "'0123456789ab4def8123456789abcdef'"
    if kind in {"inet", "char(39)", "char(15)"}:
        return "'10.0.0.1'"
    if "char" in kind or "text" in kind:
        return "'7'"
    if "bool" in kind or kind == "tinyint(1)":
        return "true" if vendor != "sqlite" else "1"
    if kind.startswith(("timestamp", "datetime")):
        return "'2026-01-02 03:04:05'"
    if kind.startswith("date"):
        return "'2026-01-02'"
    if kind.startswith("time"):
        return "'03:04:05'"
    if kind.startswith("interval"):
        return "'3 seconds'"
    if "bytea" in kind or "blob" in kind:
        return r"'\x01'" if vendor == "postgresql" else "x'01'"
    return "7"


@contextlib.asynccontextmanager
async def laboratory(url: str, folder: Path) -> AsyncIterator[Laboratory]:
    """A clean database and an empty project."""
    adapter = make_adapter(DatabaseConfig(url=url))
    connections.configure({"default": url})
    connections["default"] = adapter
    lab = Laboratory(Project(folder, {"": folder / "migrations"}, lambda alias: adapter), adapter)
    # Plans are kept by alias, and this one has just changed its database.
    invalidate()
    try:
        await lab.clean()
        yield lab
    finally:
        await adapter.close()
        connections.configure(None)
