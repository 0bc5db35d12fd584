"""`Model.table` against Django's schema editor: the same tables, in the database's own words."""

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from covet.database.orm.tables import table_of
from tests.oracle import zoo
from tests.oracle.process import ask
from tests.oracle.tables import declared
from tests.services import create_database, drop_database

DRIVERS = {"postgresql": "postgresql+asyncpg", "sqlite": "sqlite+aiosqlite", "mysql": "mysql+asyncmy"}

POSTGRESQL = (
    """SELECT c.relname || '.' || a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity::text,
              a.attgenerated::text, pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum),
              (SELECT collname FROM pg_collation WHERE oid = a.attcollation)
       FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
       LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
       WHERE c.relkind = 'r' AND a.attnum > 0 AND c.relnamespace = 'public'::regnamespace""",
    """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
       WHERE connamespace = 'public'::regnamespace""",
    "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
    """SELECT relname, obj_description(oid) FROM pg_class
       WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace""",
)


def _plain(text: str) -> str:
    return re.sub(r"\s*([(),])\s*", r"\1", re.sub(r"\s+", " ", re.sub(r'["`]', "", text))).strip().lower()


def _checks(sql: str) -> list[str]:
    """The CHECKs in a CREATE TABLE, each with its name."""
    found = []
    for match in re.finditer(r"(?:constraint \w+ )?check\(", sql):
        depth, end = 1, match.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(sql[end], 0)
            end += 1
        found.append(sql[match.start() : end])
    return found


def _postgresql(connection: sa.Connection) -> set[Any]:
    return {tuple(row) for query in POSTGRESQL for row in connection.exec_driver_sql(query)}


def _sqlite(connection: sa.Connection) -> set[Any]:
    def rows(query: str) -> list[Any]:
        return [tuple(row) for row in connection.exec_driver_sql(query)]

    found: set[Any] = set()
    sources = dict(rows("SELECT name, sql FROM sqlite_master"))
    for (table,) in rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"):
        found.update((table, "column", *row) for row in rows(f"PRAGMA table_xinfo('{table}')"))
        found.update((table, "key", *row[2:]) for row in rows(f"PRAGMA foreign_key_list('{table}')"))
        for _, name, *facts in rows(f"PRAGMA index_list('{table}')"):
            columns = tuple(row[1:] for row in rows(f"PRAGMA index_xinfo('{name}')"))
            condition = _plain(sources[name]).partition(" where ")[2] if sources[name] else ""
            shown = "automatic" if name.startswith("sqlite_autoindex") else name
            found.add((table, "index", shown, *facts, columns, condition))
        source = _plain(sources[table])
        found.update((table, "check", check) for check in _checks(source))
        found.add((table, "autoincrement" in source, source.count("deferrable initially deferred")))
    return found


def _mysql(connection: sa.Connection) -> set[Any]:
    found = set()
    for (table,) in connection.exec_driver_sql("SHOW TABLES").all():
        source = connection.exec_driver_sql(f"SHOW CREATE TABLE `{table}`").one()[1]
        found.update((table, line.strip().rstrip(",")) for line in source.splitlines())
    return found


LOOKS = {"postgresql": _postgresql, "sqlite": _sqlite, "mysql": _mysql}


async def _look(url: str, vendor: str, metadata: sa.MetaData | None = None) -> set[Any]:
    engine = create_async_engine(f"{DRIVERS[vendor]}://{url.partition('://')[2]}")
    try:
        async with engine.begin() as connection:
            if metadata is not None:
                await connection.run_sync(metadata.create_all)
            return await connection.run_sync(LOOKS[vendor])
    finally:
        await engine.dispose()


def _vendor(url: str) -> str:
    return url.partition("://")[0].partition("+")[0].replace("mariadb", "mysql")


@pytest.fixture
def reference_url(database_url: str) -> Iterator[str]:
    """A second database, in which Django has made the zoo."""
    vendor = _vendor(database_url)
    if vendor == "sqlite":
        url = f"{database_url}.django"
    else:
        if vendor == "mysql":
            pytest.importorskip("pymysql")
        url = create_database(database_url, f"covet_test_reference_{os.getpid()}")
    ask("tests.oracle.tables.create", url, vendor)
    yield url
    if vendor != "sqlite":
        drop_database(database_url, f"covet_test_reference_{os.getpid()}")


async def test_tables_equal_those_of_djangos_schema_editor(database_url: str, reference_url: str) -> None:
    """Promises 42, 44, 45: every field and Meta option makes what Django makes."""
    vendor = _vendor(database_url)
    ours = zoo.framework("covet")
    for model in declared(ours, vendor):
        table_of(model, vendor)
    made = await _look(database_url, vendor, ours.apps.metadata)
    wanted = await _look(reference_url, vendor)
    assert sorted(map(repr, made - wanted)) == []
    assert sorted(map(repr, wanted - made)) == []
    assert len(made) > 150
