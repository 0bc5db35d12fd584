"""What only PostgreSQL has: COPY, LISTEN, the servers's session left clean, and Django beside us."""

import asyncio

import pytest

from covet.database.transaction import transaction
from covet.exceptions import IntegrityError
from tests.pace import until

pytestmark = pytest.mark.postgresql


@pytest.fixture
def adapter(postgresql_url):
    return postgresql_url


async def test_copy_loads_rows_in_and_outside_transactions(adapter):
    assert await adapter.copy_records("reporter", ["name"], [(str(n),) for n in range(100)]) == 100
    with pytest.raises(IntegrityError):
        await adapter.copy_records("reporter", ["name"], [("5",)])
    async with transaction() as tx:
        await adapter.copy_records("reporter", ["name"], [("in a transaction",)])
        await tx.rollback()
    assert await adapter.fetch_value("SELECT count(*) FROM reporter") == 100


async def test_notifications_arrive_and_go_out_with_the_commit(adapter):
    heard = []
    stop = await adapter.listen("news", heard.append)
    await adapter.notify("news", "at once")
    async with transaction():
        await adapter.notify("news", "with the commit")
        await until(lambda: heard)
        await asyncio.sleep(0.1)
        assert heard == ["at once"]
    await until(lambda: len(heard) > 1)
    assert heard == ["at once", "with the commit"]
    await stop()


async def test_a_listener_survives_its_connection(adapter):
    heard = []

    async def hear(payload):
        heard.append(payload)

    stop = await adapter.listen("news", hear)
    await adapter.fetch("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
    for _ in range(600):
        await adapter.notify("news", "again")
        await asyncio.sleep(0.1)
        if heard:
            break
    assert heard[0] == "again"
    await stop()


async def test_session_state_of_a_callers_sql_is_gone_with_the_lease(adapter):
    await adapter.execute("SET search_path TO pg_catalog")
    await adapter.fetch("SELECT pg_advisory_lock(42)")
    await until(lambda: adapter.pool_status()["idle"] == adapter.pool_status()["open"])
    assert await adapter.fetch_value("SHOW search_path") == '"$user", public'
    # Other databases of the server have locks of their own.
    here = "SELECT oid FROM pg_database WHERE datname = current_database()"
    locks = f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = ({here})"
    assert await adapter.fetch_value(locks) == 0


async def test_dates_numbers_and_json_come_as_the_driver_has_them(adapter):
    row = await adapter.fetch_one("SELECT '{\"a\": 1}'::jsonb AS j, 1.50::numeric AS n, now() AS t")
    assert row["j"] == '{"a": 1}'
    assert str(row["n"]) == "1.50"
    assert row["t"].tzinfo is not None


async def test_django_and_covet_read_each_others_writes(adapter):
    """Promise 73."""
    psycopg = pytest.importorskip("psycopg")
    config = adapter.config
    dsn = f"host={config.host} port={config.ports[0]} dbname={config.database} user={config.user}"
    # Django's own driver, with its settings: what psycopg commits we read, and the other way round.
    theirs = await asyncio.to_thread(psycopg.connect, dsn, autocommit=True)
    try:
        await asyncio.to_thread(theirs.execute, "INSERT INTO reporter (name) VALUES (%s)", ("from Django",))
        assert await adapter.fetch_value("SELECT name FROM reporter") == "from Django"
        async with transaction():
            await adapter.execute("INSERT INTO reporter (name) VALUES ($1)", "from Covet")
        found = await asyncio.to_thread(lambda: theirs.execute("SELECT name FROM reporter ORDER BY name").fetchall())
        assert found == [("from Covet",), ("from Django",)]
    finally:
        await asyncio.to_thread(theirs.close)
