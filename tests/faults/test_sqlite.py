"""SQLite: several writers, long queries, a full disk."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from covet.database.transaction import transaction
from covet.exceptions import IntegrityError, OperationalError, StorageFull
from tests.faults.conftest import Stopwatch, connect, pool_is_full_again, within
from tests.pace import is_late

ROOT = Path(__file__).resolve().parents[2]
ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"

WRITER = """
import asyncio, sys
from covet.database.connections.registry import connections
from covet.database.transaction import transaction

async def main(url, name):
    connections.configure({"default": url})
    adapter = connections["default"]
    for number in range(50):
        async with transaction():
            count = await adapter.fetch_value("SELECT count(*) FROM entries")
            await adapter.execute("INSERT INTO entries VALUES ($1, $2)", f"{name}-{number}", count)
    await adapter.close()

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
def database(tmp_path):
    return f"sqlite:///{tmp_path / 'faults.sqlite3'}"


async def entries(database, **options):
    adapter = connect(database, **options)
    await adapter.execute("CREATE TABLE entries (name text PRIMARY KEY, seen integer NOT NULL UNIQUE)")
    return adapter


async def test_four_tasks_write_two_hundred_rows(database):
    """4 writers in one process: 200 of 200 writes, each having seen all that was before it."""
    adapter = await entries(database)

    async def write(name):
        for number in range(50):
            async with transaction():
                count = await adapter.fetch_value("SELECT count(*) FROM entries")
                await asyncio.sleep(0)
                await adapter.execute("INSERT INTO entries VALUES ($1, $2)", f"{name}-{number}", count)

    await asyncio.gather(*[write(name) for name in "abcd"])
    assert await adapter.fetch_value("SELECT count(*) FROM entries") == 200


async def test_four_processes_write_two_hundred_rows(database):
    """4 writers in 4 processes: 200 of 200 writes (BEGIN IMMEDIATE, WAL)."""
    adapter = await entries(database)
    processes = [
        subprocess.Popen([sys.executable, "-c", WRITER, database, name], cwd=ROOT, stderr=subprocess.PIPE)
        for name in "abcd"
    ]
    for process in processes:
        _, errors = await asyncio.to_thread(process.communicate)
        assert process.returncode == 0, errors.decode()[-2000:]
    assert await adapter.fetch_value("SELECT count(*) FROM entries") == 200


async def test_autocommit_writers_and_readers_do_not_hinder_each_other(database):
    """Many single writes beside a long transaction and readers."""
    adapter = await entries(database)

    async def write(number):
        await adapter.run_dml("INSERT INTO entries VALUES (?, ?)", (str(number), number))

    async def long():
        async with transaction():
            await adapter.execute("INSERT INTO entries VALUES ('long', -1)")
            await asyncio.sleep(0.3)

    slowest = 0.0

    async def read():
        nonlocal slowest
        for _ in range(20):
            watch = Stopwatch()
            await adapter.run("SELECT count(*) FROM entries", ())
            slowest = max(slowest, watch.seconds())
            await asyncio.sleep(0.01)

    await asyncio.gather(long(), read(), *[write(number) for number in range(100)])
    assert await adapter.fetch_value("SELECT count(*) FROM entries") == 101
    assert not is_late(slowest, 0.25)


async def test_a_cancelled_long_query_is_interrupted_within_a_second(database):
    """A cancelled long query: interrupted within 1 s, and its connection lives."""
    adapter = await entries(database, pool_size=1)
    with within(1), pytest.raises(TimeoutError):
        await asyncio.wait_for(adapter.run(ENDLESS, ()), 0.2)
    with within(1):
        assert await adapter.run("SELECT 1", ()) == [(1,)]
    assert adapter.pool_status()["opened"] == 1


async def test_a_query_cancelled_before_its_thread_took_it_is_interrupted_too(database):
    """A cancelled long query that was still queued."""
    adapter = await entries(database, pool_size=1)
    for _ in range(20):
        task = asyncio.create_task(adapter.run(ENDLESS, ()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    with within(2):
        assert await adapter.run("SELECT 1", ()) == [(1,)]


async def test_an_interrupted_write_inside_a_transaction_never_becomes_autocommit(database):
    """SQLite rolls back when a write is interrupted: what follows in the block must fail, not commit."""
    adapter = await entries(database)
    with pytest.raises(OperationalError, match="rolled the transaction back"):
        async with transaction():
            await adapter.execute("INSERT INTO entries VALUES ('before', 1)")
            numbers = "WITH RECURSIVE c(x) AS (SELECT 2 UNION ALL SELECT x + 1 FROM c) SELECT x, x FROM c"
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(adapter.execute(f"INSERT INTO entries {numbers}"), 0.2)
            await adapter.execute("INSERT INTO entries VALUES ('after', 2)")
    assert await adapter.fetch_value("SELECT count(*) FROM entries") == 0
    await pool_is_full_again(adapter)


async def test_a_full_disk_is_a_typed_error_and_reads_go_on(database):
    """Disk full: StorageFull (507) for the write, reads go on, and writes again once there is room."""
    adapter = await entries(database, pool_size=1)
    await adapter.fetch("PRAGMA max_page_count = 20")
    blob = "x" * 3000
    with pytest.raises(StorageFull) as caught:
        for number in range(100):
            await adapter.execute("INSERT INTO entries VALUES ($1, $2)", f"{number}{blob}", number)
    assert caught.value.sqlstate == "53100"
    stored = await adapter.fetch_value("SELECT count(*) FROM entries")
    assert stored > 0
    with pytest.raises(StorageFull):
        async with transaction():
            for number in range(100, 200):
                await adapter.execute("INSERT INTO entries VALUES ($1, $2)", f"{number}{blob}", number)
    assert await adapter.fetch_value("SELECT count(*) FROM entries") == stored
    await adapter.fetch("PRAGMA max_page_count = 10000")
    await adapter.execute("INSERT INTO entries VALUES ('room', -5)")


async def test_foreign_keys_are_enforced(database):
    """Foreign keys are on."""
    adapter = await entries(database)
    await adapter.execute("CREATE TABLE child (name text REFERENCES entries (name))")
    with pytest.raises(IntegrityError, match="FOREIGN KEY"):
        await adapter.execute("INSERT INTO child VALUES ('nobody')")
    assert await adapter.fetch_value("PRAGMA journal_mode") == "wal"


async def test_a_database_in_memory_is_one_database_for_every_task():
    """In memory: tasks share the one connection, transactions exclude each other, nothing is lost."""
    adapter = await entries("sqlite://")

    async def write(number):
        async with transaction():
            await adapter.execute("INSERT INTO entries VALUES ($1, $2)", str(number), number)
            await asyncio.sleep(0)

    await asyncio.gather(*[write(number) for number in range(50)])
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(adapter.run(ENDLESS, ()), 0.1)
    assert await adapter.fetch_value("SELECT count(*) FROM entries") == 50
