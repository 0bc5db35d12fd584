"""A project's test databases: made beside the real ones, migrated once, dropped at the end.

`test_shop` stands for PostgreSQL's or MariaDB's `shop`; SQLite gets a file in a temporary folder. Workers of
pytest-xdist get one each.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from covet.conf import settings
from covet.database.config import DatabaseConfig
from covet.database.connections.registry import connections, make_adapter
from covet.database.migrations.project import from_settings


class TestDatabases:
    """The databases of one session.

    Args:
        reuse: keep those of the last session, and keep them again.
    """

    __test__ = False

    def __init__(self, *, reuse: bool = False) -> None:
        self.reuse = reuse
        self._folder: Path | None = None
        self._made: list[tuple[DatabaseConfig, str]] = []

    async def create(self) -> None:
        """Make the databases, point `connections` at them, apply the migrations."""
        configured = {alias: DatabaseConfig.of(value) for alias, value in connections.databases.items()}
        replaced = {alias: await self._replacement(config, alias) for alias, config in configured.items()}
        connections.configure(replaced)
        project = from_settings(settings.base_dir)
        files = project.files()
        for alias in replaced:
            await project.runner(alias, loaded=files).apply()

    async def _replacement(self, config: DatabaseConfig, alias: str) -> DatabaseConfig:
        if config.engine == "sqlite":
            return dataclasses.replace(config, database=str(self._sqlite_file(alias)), url="")
        name = f"test_{config.database}{_worker()}"
        await self._administer(config, name, exists_is_fine=self.reuse)
        self._made.append((config, name))
        return dataclasses.replace(config, database=name, url="")

    def _sqlite_file(self, alias: str) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="covet-test-"))
        return self._folder / f"{alias}.sqlite3"

    async def _administer(self, config: DatabaseConfig, name: str, *, exists_is_fine: bool) -> None:
        quote = '"{}"' if config.engine == "postgresql" else "`{}`"
        quoted = quote.format(name.replace(quote[0], quote[0] * 2))
        adapter = make_adapter(_maintenance(config), "maintenance")
        try:
            if exists_is_fine:
                if await self._exists(adapter, config, name):
                    return
            else:
                await adapter.execute(f"DROP DATABASE IF EXISTS {quoted}")
            await adapter.execute(f"CREATE DATABASE {quoted}")
        finally:
            await adapter.close()

    @staticmethod
    async def _exists(adapter: Any, config: DatabaseConfig, name: str) -> bool:
        table, column = (
            ("pg_database", "datname")
            if config.engine == "postgresql"
            else ("information_schema.schemata", "schema_name")
        )
        return bool(await adapter.fetch(f"SELECT 1 FROM {table} WHERE {column} = %s", [name]))  # noqa: S608 - constants

    async def drop(self) -> None:
        """Remove the databases, unless they are to be used again."""
        await connections.close_all()
        connections.configure(None)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        if self.reuse:
            return
        for config, name in self._made:
            quote = '"' if config.engine == "postgresql" else "`"
            adapter = make_adapter(_maintenance(config), "maintenance")
            try:
                await adapter.execute(f"DROP DATABASE IF EXISTS {quote}{name}{quote}")
            finally:
                await adapter.close()


def _maintenance(config: DatabaseConfig) -> DatabaseConfig:
    """Where databases are made from: one that is there anyway."""
    database = "postgres" if config.engine == "postgresql" else "information_schema"
    return dataclasses.replace(config, database=database, url="", pool_size=1, max_overflow=0)


def _worker() -> str:
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    return f"_{worker}" if worker else ""


def is_wanted() -> bool:
    """Whether this run tests a project with databases, and not a library that configures its own."""
    return bool(connections.databases) and settings.module_name is not None
