"""An adapter's calls on every database: rows, counts, keys, batches, streams, statements, sharing with SQLAlchemy."""

import asyncio

import pytest
import sqlalchemy as sa

from covet.database import get_adapter
from covet.database.connections.registry import connections
from covet.database.transaction import transaction
from covet.exceptions import (
    ConnectionDoesNotExist,
    DatabaseError,
    IntegrityError,
    ProgrammingError,
    TransactionManagementError,
)
from tests.pace import until

metadata = sa.MetaData()
reporter = sa.Table(
    "reporter", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(30))
)


def native(adapter, sql, *args):
    """SQL as the driver takes it."""
    return adapter._arranged(sql, args)


async def test_get_adapter_gives_the_configured_database(adapter):
    """Promise 66."""
    assert await get_adapter("default") is adapter
    assert await get_adapter() is adapter
    changed = await (await get_adapter("default")).execute("INSERT INTO reporter (name) VALUES ($1)", ["Tintin"])
    assert changed == 1
    with pytest.raises(ConnectionDoesNotExist) as caught:
        await get_adapter("defaults")
    assert str(caught.value) == "no database 'defaults'; choose one of: default"


async def test_the_guides_raw_sql_runs_as_written(adapter):
    """Promise 66."""
    await adapter.execute("CREATE TEMPORARY TABLE auth_user (is_active boolean, age integer)")
    await adapter.close()
    await adapter.execute("DROP TABLE IF EXISTS auth_user")
    await adapter.execute("CREATE TABLE auth_user (is_active boolean, age integer)")
    await adapter.executemany("INSERT INTO auth_user VALUES ($1, $2)", [[True, 17], [True, 18]])
    adapter = await get_adapter("default")
    changed = await adapter.execute("UPDATE auth_user SET is_active = $1 WHERE age < $2", [False, 18])
    assert changed == 1
    assert await adapter.execute("UPDATE auth_user SET is_active = %s WHERE age < %s", [True, 18]) == 1
    await adapter.execute("DROP TABLE auth_user")


async def test_people_get_rows_by_index_and_by_name(adapter):
    await adapter.execute("INSERT INTO reporter (name) VALUES ($1)", "Tintin")
    (row,) = await adapter.fetch("SELECT id, name FROM reporter WHERE name = %s", "Tintin")
    assert (row[1], row["name"]) == ("Tintin", "Tintin")
    assert dict(row)["name"] == "Tintin"
    assert await adapter.fetch_one("SELECT 1 FROM reporter WHERE name = $1", "nobody") is None
    assert await adapter.fetch_value("SELECT count(*) FROM reporter") == 1
    assert await adapter.fetch_value("SELECT 1 FROM reporter WHERE name = $1", "nobody") is None


async def test_the_houses_calls(adapter):
    sql, args = native(adapter, "INSERT INTO reporter (name) VALUES ($1)", "Tintin")
    assert await adapter.run_dml(sql, args) == 1
    if adapter.vendor != "postgresql":
        assert await adapter.run_insert(*native(adapter, "INSERT INTO reporter (name) VALUES ($1)", "Snowy")) == 2
    returning = native(adapter, "INSERT INTO reporter (name) VALUES ($1) RETURNING id, name", "Castafiore")
    ((key, name),) = await adapter.run_write(*returning)
    assert name == "Castafiore"
    ((found,),) = await adapter.run(*native(adapter, "SELECT id FROM reporter WHERE name = $1", name))
    assert found == key
    await adapter.run_many(sql, [("Thomson",), ("Thompson",)])
    assert await adapter.run_dml(*native(adapter, "UPDATE reporter SET name = $1 WHERE name = $2", "x", "y")) == 0
    assert await adapter.run_dml(*native(adapter, "DELETE FROM reporter WHERE name <> $1", "Tintin")) >= 3


async def test_a_batch_is_all_or_nothing(adapter):
    rows = [("Tintin",), ("Snowy",), ("Tintin",)]
    with pytest.raises(IntegrityError):
        await adapter.executemany("INSERT INTO reporter (name) VALUES ($1)", rows)
    assert await adapter.fetch_value("SELECT count(*) FROM reporter") == 0
    await adapter.executemany("INSERT INTO reporter (name) VALUES ($1)", [])


async def test_percent_signs_are_literal_where_nothing_is_bound(adapter):
    assert await adapter.fetch_value("SELECT '50%'") == "50%"
    assert await adapter.fetch_value("SELECT '50%%' FROM (SELECT 1 AS a) t WHERE a = %s", 1) == "50%"
    assert await adapter.fetch_value("SELECT '50%' FROM (SELECT 1 AS a) t WHERE a = $1", 1) == "50%"


async def test_sqlalchemy_statements_are_executed_and_decoded(adapter):
    assert await adapter.execute(sa.insert(reporter).values(name="Tintin")) == 1
    assert await adapter.execute(sa.insert(reporter), {"name": "Snowy"}) == 1
    rows = await adapter.fetch(sa.select(reporter.c.name).where(reporter.c.name.in_(["Tintin", "x"])))
    assert [row.name for row in rows] == ["Tintin"]
    named = sa.select(reporter).where(reporter.c.name == sa.bindparam("who"))
    assert (await adapter.fetch_one(named, {"who": "Snowy"}))["name"] == "Snowy"
    assert await adapter.execute(sa.update(reporter).where(reporter.c.name == "Snowy").values(name="Milou")) == 1
    assert await adapter.fetch_value(sa.select(sa.func.count()).select_from(reporter)) == 2
    assert await adapter.execute(sa.delete(reporter)) == 2
    with pytest.raises(ProgrammingError, match="takes its values as one dict"):
        await adapter.fetch(sa.select(reporter), 1)
    with pytest.raises(ProgrammingError, match="a statement is SQL text or SQLAlchemy's, not 5"):
        await adapter.fetch(5)


async def test_streams_come_in_chunks_in_and_outside_transactions(adapter):
    await adapter.executemany("INSERT INTO reporter (name) VALUES ($1)", [(f"{n:03}",) for n in range(25)])
    sql = "SELECT name FROM reporter ORDER BY name"
    chunks = [len(rows) async for rows in adapter.stream(sql, (), chunk_size=10)]
    assert chunks == [10, 10, 5]
    async with transaction():
        await adapter.execute("INSERT INTO reporter (name) VALUES ('new')")
        seen = []
        async for rows in adapter.stream(sql, (), chunk_size=20):
            seen += [row[0] for row in rows]
            await adapter.run("SELECT 1", ())
    assert len(seen) == 26
    async for _ in adapter.stream(sql, (), chunk_size=5):
        break
    assert await adapter.fetch_value("SELECT count(*) FROM reporter") == 26
    with pytest.raises(DatabaseError):
        async for _ in adapter.stream("SELECT nonsense FROM nowhere", ()):
            pass
    await until(lambda: adapter.pool_status()["idle"] == adapter.pool_status()["open"])


async def test_query_hooks_see_every_statement(adapter):
    seen = []

    def hook(sql, args, seconds):
        seen.append((sql.split()[0], list(args or ()), seconds >= 0))

    adapter.query_hooks.append(hook)
    async with transaction():
        await adapter.execute("INSERT INTO reporter (name) VALUES ($1)", "Tintin")
        async with transaction():
            await adapter.run("SELECT 1", ())
    assert [sql for sql, _, _ in seen] == ["BEGIN", "INSERT", "SAVEPOINT", "SELECT", "RELEASE", "COMMIT"]
    assert seen[1][1] == ["Tintin"]
    adapter.query_hooks.remove(hook)
    await adapter.run("SELECT 1", ())
    assert len(seen) == 6


async def test_begin_by_hand_is_refused(adapter):
    for sql in ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT x"):
        with pytest.raises(TransactionManagementError, match="write `async with transaction"):
            await adapter.execute(sql)


async def test_sqlalchemys_engine_shares_the_pool_and_its_transactions_are_real(adapter):
    async with adapter.engine.begin() as connection:
        await connection.execute(sa.insert(reporter).values(name="Tintin"))
    with pytest.raises(KeyError):
        async with adapter.engine.begin() as connection:
            await connection.execute(sa.insert(reporter).values(name="Haddock"))
            raise KeyError
    assert [row[0] for row in await adapter.fetch("SELECT name FROM reporter")] == ["Tintin"]
    if adapter.vendor != "sqlite":
        assert adapter.engine.pool.size() == adapter.config.pool_size == 20

        async def leased():
            for _ in range(20):
                await adapter.run("SELECT 1", ())

        async def through_the_engine():
            for _ in range(5):
                async with adapter.engine.connect() as connection:
                    await connection.execute(sa.text("SELECT 1"))

        adapter.limit = adapter.pool_size = 2
        await asyncio.gather(*[leased() for _ in range(6)], *[through_the_engine() for _ in range(3)])


def test_each_event_loop_has_connections_of_its_own(database_url):
    from covet.database.connections.registry import make_adapter

    adapter = make_adapter(database_url)

    async def use():
        return await asyncio.gather(*[adapter.run("SELECT 1", ()) for _ in range(3)])

    async def use_and_close():
        rows = await use()
        await adapter.close()
        return rows

    for _ in range(3):
        rows = asyncio.run(use_and_close())
        assert [row[0][0] for row in rows] == [1, 1, 1]


def test_databases_are_configured_by_the_settings(database_url):
    from covet.conf import override_settings

    with override_settings(DATABASES={"default": database_url, "other": {"ENGINE": "sqlite3", "NAME": ":memory:"}}):
        connections.configure(None)
        assert list(connections) == ["default", "other"]
        assert connections["other"].vendor == "sqlite"
        assert "other" in connections
        assert len(connections) == 2
    with override_settings(DATABASE=database_url, DATABASES={}):
        connections.configure(None)
        assert list(connections) == ["default"]
    connections.configure(None)
