"""Tasks, deadlines, generators and hooks around transactions: whatever ends them, the connection comes back."""

import asyncio
import contextlib
import random

import pytest

from covet.database.orm import CASCADE, ForeignKey, IntegerField, Model
from covet.database.orm.registry import Apps
from covet.database.transaction import detached, on_commit, transaction
from covet.exceptions import DatabaseError, DatabaseUnavailable, PoolTimeout
from covet.portal import portal, wait
from tests.faults.conftest import connect, every_database, observer, open_accounts, pool_is_full_again, within

postgresql = [
    pytest.mark.postgresql,
    pytest.mark.parametrize("database", ["postgresql"], indirect=True),
]


def servers(function):
    for mark in postgresql:
        function = mark(function)
    return function


OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'covet'"
SLEEP = {"postgresql": "SELECT pg_sleep(5)", "mysql": "SELECT sleep(5)"}


def long_query(adapter):
    """A query that takes longer than any test."""
    return SLEEP.get(
        adapter.vendor,
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 100000000) SELECT count(*) FROM c",
    )


async def ledger(adapter):
    return [row[0] for row in await adapter.fetch("SELECT id FROM ledger ORDER BY id")]


async def write(adapter, key):
    await adapter.execute("INSERT INTO ledger VALUES ($1, 1)", key)


@every_database
async def test_a_deadline_around_a_transaction_rolls_it_back(database):
    """asyncio.timeout around transaction(): TimeoutError, nothing written, the next one works at once."""
    adapter = connect(database, pool_size=1, max_overflow=0)
    await open_accounts(adapter)
    for _ in range(3):
        with within(1.5), pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                async with transaction():
                    await write(adapter, "x")
                    await adapter.run(long_query(adapter), ())
        with within(2):
            async with transaction():
                assert await ledger(adapter) == []
    await pool_is_full_again(adapter)


@every_database
async def test_a_deadline_inside_a_transaction_breaks_the_block_or_its_savepoint(database):
    """asyncio.timeout inside transaction(): swallowed, the block cannot commit half; in a savepoint, the rest can."""
    adapter = connect(database, pool_size=1, max_overflow=0)
    await open_accounts(adapter)
    with contextlib.suppress(DatabaseError):
        async with transaction():
            await write(adapter, "outer")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1), transaction():
                    await write(adapter, "inner")
                    await adapter.run(long_query(adapter), ())
            await write(adapter, "late")
    # SQLite may have rolled everything back; half of a block is never there.
    assert await ledger(adapter) in (["late", "outer"], [])
    await pool_is_full_again(adapter)
    assert (await adapter.run("SELECT 1", ()))[0][0] == 1


@every_database
async def test_a_task_group_inside_a_transaction_fails_as_one(database):
    """TaskGroup inside transaction(): one child fails, the others are cancelled, nothing is written."""
    adapter = connect(database, pool_size=2, max_overflow=0)
    await open_accounts(adapter)

    async def child(number):
        await write(adapter, f"child {number}")
        if number == 2:
            raise KeyError(number)
        await adapter.run(long_query(adapter), ())

    with within(3), pytest.raises(ExceptionGroup) as caught:
        async with transaction():
            await write(adapter, "before")
            async with asyncio.TaskGroup() as group:
                for number in range(4):
                    group.create_task(child(number))
    assert caught.value.subgroup(KeyError) is not None or caught.value.subgroup(DatabaseError) is not None
    assert await ledger(adapter) == []
    await pool_is_full_again(adapter)


@every_database
async def test_a_task_group_that_ends_well_commits(database):
    """TaskGroup inside transaction(): its children's writes are part of it."""
    adapter = connect(database, pool_size=1, max_overflow=0)
    await open_accounts(adapter)
    async with transaction(), asyncio.TaskGroup() as group:
        for number in range(8):
            group.create_task(write(adapter, str(number)))
    assert await ledger(adapter) == [str(number) for number in range(8)]


@every_database
async def test_cancelling_in_savepoints_leaves_nothing(database):
    """Cancel at random awaits among nested blocks: all or nothing, also of those that had been released."""
    adapter = connect(database, pool_size=3, max_overflow=0, pool_timeout=30)
    await open_accounts(adapter)
    whole = {}

    async def work(name):
        async with transaction():
            await write(adapter, f"{name} a")
            async with transaction():
                await write(adapter, f"{name} b")
                async with transaction():
                    await write(adapter, f"{name} c")
            with contextlib.suppress(KeyError):
                async with transaction():
                    await write(adapter, f"{name} d")
                    raise KeyError
            on_commit(lambda: whole.setdefault(name, True))

    async def one(name):
        task = asyncio.create_task(work(name))
        await asyncio.sleep(random.random() * 0.02)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, DatabaseError):
            await task

    for start in range(0, 60, 6):
        await asyncio.gather(*[one(f"{number:03d}") for number in range(start, start + 6)])
    await pool_is_full_again(adapter, 5)
    assert await ledger(adapter) == sorted(f"{name} {part}" for name in whole for part in "abc")


@every_database
async def test_generators_left_in_the_middle_give_the_connection_back(database):
    """`async for` left unfinished, outside and inside transaction(): the connection comes back, the block commits."""
    adapter = connect(database, pool_size=1, max_overflow=0, pool_timeout=3)
    await open_accounts(adapter)
    await adapter.executemany("INSERT INTO ledger VALUES ($1, 1)", [(f"{n:05d}",) for n in range(3000)])

    async def first(chunks):
        async for rows in chunks:
            return rows[0][0]
        return None

    async def through_a_generator():
        async for rows in adapter.stream("SELECT id FROM ledger ORDER BY id", (), chunk_size=10):
            yield rows[0][0]

    for _ in range(3):
        assert await first(adapter.stream("SELECT id FROM ledger ORDER BY id", (), chunk_size=10)) == "00000"
        async for key in through_a_generator():
            assert key == "00000"
            break
        assert await adapter.fetch_value("SELECT count(*) FROM ledger") == 3000
    async with transaction():
        assert await first(adapter.stream("SELECT id FROM ledger ORDER BY id", (), chunk_size=10)) == "00000"
        async for _key in through_a_generator():
            break
        kept = adapter.stream("SELECT id FROM ledger ORDER BY id", (), chunk_size=10)
        await anext(kept)
        await write(adapter, "after")
    assert (await pool_is_full_again(adapter))["open"] == 1
    assert await adapter.fetch_value("SELECT count(*) FROM ledger") == 3001
    with contextlib.suppress(DatabaseError, StopAsyncIteration):
        # Its transaction has ended: an error or an end, never rows of somebody else's.
        await anext(kept)
        await anext(kept)
        pytest.fail("a cursor outlived its transaction")
    await kept.aclose()


@every_database
async def test_portal_work_that_is_cancelled_rolls_back(database):
    """Sync code in a portal inside transaction(), its task cancelled: rolled back, the connection is back."""
    adapter = connect(database, pool_size=1, max_overflow=0)
    await open_accounts(adapter)

    @transaction
    def sync_block():
        wait(write(adapter, "x"))
        wait(adapter.run(long_query(adapter), ()))

    async def work():
        sync_block()

    for _ in range(3):
        task = asyncio.create_task(portal(work()))
        await asyncio.sleep(0.1)
        assert not task.done()
        with within(1.5):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert await ledger(adapter) == []
    await pool_is_full_again(adapter)


@every_database
async def test_detached_blocks_nest(database):
    """detached() inside detached(), and a transaction inside: each is its own, the outer one is found again."""
    adapter = connect(database, pool_size=4)
    await open_accounts(adapter)
    with pytest.raises(KeyError):
        async with transaction():
            assert adapter.in_transaction()
            with detached():
                assert not adapter.in_transaction()
                with detached():
                    async with transaction():
                        await write(adapter, "own")
                        with detached():
                            assert not adapter.in_transaction()
                        assert adapter.in_transaction()
                assert not adapter.in_transaction()
            assert adapter.in_transaction()
            await write(adapter, "outer")
            raise KeyError
    assert await ledger(adapter) == ["own"]


@servers
async def test_nested_acquires_of_many_tasks_time_out_and_nothing_is_lost(database):
    """Pool exhausted by nested acquires three deep: typed timeouts, the pool is whole, work goes on."""
    adapter = connect(database, pool_size=4, max_overflow=0, pool_timeout=0.5)

    async def greedy(depth):
        async with transaction():
            await adapter.run("SELECT 1", ())
            await asyncio.sleep(0.02)
            if depth:
                with detached():
                    await greedy(depth - 1)

    with within(6):
        outcomes = await asyncio.gather(*[greedy(2) for _ in range(20)], return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} <= {PoolTimeout, type(None)}
    assert any(isinstance(outcome, PoolTimeout) for outcome in outcomes)
    assert (await pool_is_full_again(adapter))["open"] == 4
    await greedy(2)


@servers
async def test_hooks_meet_a_lost_connection_as_anyone_does(database):
    """Connections terminated while on_commit hooks run: the commit stands, a robust hook's failure is logged alone."""
    adapter = connect(database, pool_size=2, max_overflow=0)
    await open_accounts(adapter)
    onlooker = observer(database, application_name="onlooker")
    seen = []

    async def sabotaged():
        query = asyncio.create_task(adapter.run_write("SELECT pg_sleep(10)", ()))
        await asyncio.sleep(0.1)
        await onlooker.fetch(OTHERS)
        await query

    async def after():
        await write(adapter, "hook")
        seen.append("after")

    async with transaction():
        await write(adapter, "first")
        on_commit(sabotaged, robust=True)
        on_commit(after)
    assert seen == ["after"]
    with pytest.raises(DatabaseUnavailable):
        async with transaction():
            await write(adapter, "second")
            on_commit(sabotaged)
            on_commit(after)
    assert await ledger(adapter) == ["first", "hook", "second"]
    await pool_is_full_again(adapter)
    await onlooker.close()


@servers
async def test_a_hook_that_is_cancelled_keeps_the_commit_and_the_connection(database):
    """Cancel in an on_commit hook: the commit stands, the pool is whole."""
    adapter = connect(database, pool_size=1, max_overflow=0)
    await open_accounts(adapter)

    async def work():
        async with transaction():
            await write(adapter, "x")
            on_commit(lambda: adapter.run_write("SELECT pg_sleep(5)", ()))

    task = asyncio.create_task(work())
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await ledger(adapter) == ["x"]
    assert not adapter.in_transaction()
    await pool_is_full_again(adapter)


# Through the ORM


@pytest.fixture
def shelf():
    """Two models of their own."""
    registry = Apps()

    class Shelf(Model):
        class Meta:
            app_label = "faults"
            apps = registry

    class Book(Model):
        number = IntegerField()
        shelf = ForeignKey(Shelf, CASCADE, related_name="books")

        class Meta:
            app_label = "faults"
            apps = registry

    return Shelf, Book


async def stocked(adapter, shelf, books=2000):
    """20 shelves of books."""
    tables = [model.table for model in shelf]
    async with adapter.engine.begin() as connection:
        await connection.run_sync(tables[0].metadata.create_all, tables)
    shelves = await shelf[0].objects.bulk_create([shelf[0]() for _ in range(20)])
    await shelf[1].objects.bulk_create([shelf[1](number=n, shelf=shelves[n % 20]) for n in range(books)])
    return shelves


@every_database
async def test_a_bulk_create_that_is_cancelled_is_all_or_nothing(database, shelf):
    """Cancel in bulk_create of several batches: all rows or none."""
    adapter = connect(database, pool_size=2, max_overflow=0, pool_timeout=20)
    shelves = await stocked(adapter, shelf, 0)
    book = shelf[1]
    before = 0
    for pause in (0.0, 0.01, 0.03, 0.05, 0.1):
        rows = [book(number=n, shelf=shelves[0]) for n in range(3000)]
        task = asyncio.create_task(_awaited(book.objects.bulk_create(rows, batch_size=100)))
        await asyncio.sleep(pause)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        count = await book.objects.count()
        assert count - before in (0, 3000), count
        before = count
    assert (await pool_is_full_again(adapter))["open"] <= 2


async def _awaited(pending):
    return await pending


@every_database
async def test_a_prefetch_that_is_cancelled_leaves_no_half_loaded_rows(database, shelf):
    """Cancel in a prefetch: the next read of the same objects is right, the pool is whole."""
    adapter = connect(database, pool_size=2, max_overflow=0, pool_timeout=20)
    await stocked(adapter, shelf, 1000)
    for pause in (0.0, 0.002, 0.005, 0.01, 0.02, 0.04):
        query = shelf[0].objects.prefetch_related("books").order_by("pk")
        task = asyncio.create_task(_awaited(query))
        await asyncio.sleep(pause)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        again = await query
        assert [len(await each.books.all()) for each in again] == [50] * 20
    await pool_is_full_again(adapter)


@every_database
async def test_iterator_left_or_cancelled_in_the_middle_gives_its_connection_back(database, shelf):
    """`iterator()` left by break, by an exception, by cancellation; outside and inside transaction()."""
    adapter = connect(database, pool_size=1, max_overflow=0, pool_timeout=3)
    await stocked(adapter, shelf)
    book = shelf[1]

    async def walk(how):
        async for each in book.objects.order_by("pk").iterator(chunk_size=50):
            if how == "break":
                break
            if how == "raise":
                raise KeyError(each.pk)
            await asyncio.sleep(0.001)

    async def within_block(how):
        async with transaction():
            await walk(how)

    for run in (walk, within_block):
        await run("break")
        with pytest.raises(KeyError):
            await run("raise")
        task = asyncio.create_task(run("cancel"))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await book.objects.count() == 2000
    assert (await pool_is_full_again(adapter))["open"] == 1


@servers
async def test_iterator_that_is_terminated_is_one_typed_error(database, shelf):
    """Terminated mid-cursor: one typed error from iterator(), the pool is whole."""
    adapter = connect(database, pool_size=2, max_overflow=0)
    await stocked(adapter, shelf)
    onlooker = observer(database, application_name="onlooker")
    for inside in (False, True):
        with pytest.raises(DatabaseUnavailable):
            async with contextlib.AsyncExitStack() as stack:
                if inside:
                    await stack.enter_async_context(transaction())
                number = 0
                async for _ in shelf[1].objects.order_by("pk").iterator(chunk_size=100):
                    number += 1
                    if number == 150:
                        await onlooker.fetch(OTHERS)
        assert await shelf[1].objects.count() == 2000
    await pool_is_full_again(adapter)
    await onlooker.close()
