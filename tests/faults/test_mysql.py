"""MariaDB and MySQL: the faults of the other modules where their driver or their server goes a way of its own."""

import asyncio
import contextlib
import random
from urllib.parse import urlsplit

import pytest

from covet.database.transaction import on_commit, transaction
from covet.exceptions import DatabaseError, DatabaseUnavailable, OperationalError, TransactionOutcomeUnknown
from tests.faults.conftest import (
    ACCOUNTS,
    BALANCE,
    Stopwatch,
    connect,
    fill,
    observer,
    open_accounts,
    pool_is_full_again,
    rounds,
    within,
)
from tests.faults.proxy import proxy_to
from tests.pace import is_late

pytestmark = [pytest.mark.mysql, pytest.mark.parametrize("database", ["mysql"], indirect=True)]


@contextlib.asynccontextmanager
async def looking_on(url):
    onlooker = observer(url)
    try:
        yield onlooker
    finally:
        await onlooker.close()


async def sessions(onlooker, database):
    """The numbers of the sessions in the database, the onlooker's own left out."""
    rows = await onlooker.fetch(
        "SELECT id FROM information_schema.processlist WHERE db = $1 AND id <> connection_id()",
        urlsplit(database).path[1:],
    )
    return [row[0] for row in rows]


async def kill_all(onlooker, database):
    """KILL every session in the database but the onlooker's."""
    for number in await sessions(onlooker, database):
        with contextlib.suppress(DatabaseError):
            await onlooker.execute(f"KILL {number}")


def through(database, proxy):
    place = urlsplit(database)
    return database.replace(place.netloc, f"{place.username}@127.0.0.1:{proxy.port}")


def proxied(database):
    place = urlsplit(database)
    return proxy_to(place.hostname, place.port or 3306)


@pytest.mark.parametrize("pause", [0, 0.1])
async def test_killed_idle_connections_give_no_error_on_reads(database, pause):
    """Idle pooled connections terminated: 0 errors on autocommit reads."""
    adapter = connect(database, pool_size=8, max_overflow=0)
    await fill(adapter, 8)
    async with looking_on(database) as onlooker:
        await kill_all(onlooker, database)
        await asyncio.sleep(pause)
        rows = await asyncio.gather(*[adapter.run("SELECT 1", ()) for _ in range(8)])
    assert [row[0][0] for row in rows] == [1] * 8


async def test_a_connection_killed_mid_query_is_one_typed_error(database):
    """Terminated mid-query: one typed error, and the pool is whole at once."""
    adapter = connect(database, pool_size=3, max_overflow=0)
    await fill(adapter, 3)
    async with looking_on(database) as onlooker:
        write = asyncio.create_task(adapter.run_write("SELECT sleep(10)", ()))
        await asyncio.sleep(0.1)
        await kill_all(onlooker, database)
        with within(2), pytest.raises(DatabaseUnavailable) as caught:
            await write
        assert caught.value.__cause__ is not None
        with within(2):
            assert (await adapter.run("SELECT 1", ()))[0][0] == 1
    await pool_is_full_again(adapter)


async def test_a_connection_killed_inside_a_transaction_writes_nothing(database):
    """Terminated mid-transaction: one typed error, also when a nested block swallowed the first."""
    adapter = connect(database, pool_size=2, max_overflow=0)
    await open_accounts(adapter)
    async with looking_on(database) as onlooker:
        with pytest.raises(DatabaseUnavailable):
            async with transaction():
                await adapter.execute("INSERT INTO ledger VALUES ('x', 1)")
                await kill_all(onlooker, database)
                with contextlib.suppress(DatabaseError):
                    async with transaction():
                        await adapter.execute("INSERT INTO ledger VALUES ('y', 1)")
                await adapter.execute("INSERT INTO ledger VALUES ('z', 1)")
        assert await onlooker.fetch_value("SELECT count(*) FROM ledger") == 0
    await pool_is_full_again(adapter)


async def test_a_storm_of_cancellations_opens_hardly_any_session(database):
    """Cancellation storm on the pool: at most 5% new sessions, and other work goes on."""
    storm = rounds(200, "COVET_FAULT_STORM")
    adapter = connect(database, pool_size=10, max_overflow=0, pool_timeout=30)
    await fill(adapter, 10)
    before = adapter.pool_status()["opened"]
    slowest = 0.0
    stormy = True

    async def bystander():
        nonlocal slowest
        while stormy:
            watch = Stopwatch()
            assert (await adapter.run("SELECT 1", ()))[0][0] == 1
            slowest = max(slowest, watch.seconds())
            await asyncio.sleep(0.005)

    async def victim():
        task = asyncio.create_task(adapter.run("SELECT sleep(1)", ()))
        await asyncio.sleep(random.random() * 0.03)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async with looking_on(database) as onlooker:
        seen = "SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'CONNECTIONS'"
        await onlooker.fetch_value("SELECT 1")
        count = int(await onlooker.fetch_value(seen))
        others = asyncio.create_task(bystander())
        limit = asyncio.Semaphore(20)

        async def in_turn():
            async with limit:
                await victim()

        await asyncio.gather(*[in_turn() for _ in range(storm)])
        stormy = False
        await others
        await pool_is_full_again(adapter)
        # Other workers of a test run may use the server too: the adapter's own count decides.
        print(f"{int(await onlooker.fetch_value(seen)) - count} sessions on the server meanwhile")
    opened = adapter.pool_status()["opened"] - before
    assert opened <= storm * 0.05
    assert not is_late(slowest, 1)
    print(f"{storm} cancels: {opened} new sessions, others waited at most {slowest * 1000:.0f} ms")


async def test_a_cancelled_statement_stops_on_the_server(database):
    """A cancelled long query: stopped within 1 s, and nobody meets what was left of it."""
    adapter = connect(database, pool_size=1, max_overflow=0)
    async with looking_on(database) as onlooker:
        for _ in range(5):
            with within(1.2), pytest.raises(TimeoutError):
                await asyncio.wait_for(adapter.run("SELECT sleep(20)", ()), 0.1)
            with within(1.5):
                assert (await adapter.run("SELECT 1", ()))[0][0] == 1
            running = "SELECT count(*) FROM information_schema.processlist WHERE info LIKE 'SELECT sleep(20)%'"
            assert await onlooker.fetch_value(running) == 0
    assert (await pool_is_full_again(adapter))["open"] == 1


async def test_command_timeout_is_a_typed_error(database):
    """Deadlines: command_timeout."""
    adapter = connect(database, pool_size=1, max_overflow=0, command_timeout=0.2)
    with within(1.2), pytest.raises(OperationalError, match="longer than command_timeout"):
        await adapter.run("SELECT sleep(5)", ())
    with within(1.5):
        assert (await adapter.run("SELECT 1", ()))[0][0] == 1


async def test_statement_timeout_is_the_servers(database):
    """statement_timeout is set on the server side."""
    adapter = connect(database, statement_timeout=0.2)
    with within(2), pytest.raises(OperationalError) as caught:
        await adapter.run(
            "SELECT count(*) FROM information_schema.columns a, information_schema.columns b "
            "WHERE a.column_name < b.column_name AND sleep(0.01) = 0",
            (),
        )
    assert caught.value.sqlstate == "57014"


async def test_a_lock_wait_timeout_is_typed_and_nothing_is_half_done(database):
    """Lock wait timeout: OperationalError 55P03; MySQL undoes the statement alone, the block goes on or ends whole."""
    adapter = connect(database, lock_timeout=1)
    await open_accounts(adapter)
    holding, done = asyncio.Event(), asyncio.Event()

    async def holder():
        async with transaction():
            await adapter.execute("UPDATE accounts SET balance = balance + 1 WHERE id = 1")
            holding.set()
            await done.wait()

    task = asyncio.create_task(holder())
    await holding.wait()
    with within(4), pytest.raises(OperationalError) as caught:
        async with transaction():
            await adapter.execute("INSERT INTO ledger VALUES ('x', 1)")
            await adapter.execute("UPDATE accounts SET balance = balance + 1 WHERE id = 1")
    assert caught.value.sqlstate == "55P03"
    assert await adapter.fetch_value("SELECT count(*) FROM ledger") == 0
    async with transaction():
        await adapter.execute("INSERT INTO ledger VALUES ('y', 1)")
        with pytest.raises(OperationalError):
            async with transaction():
                await adapter.execute("INSERT INTO ledger VALUES ('inner', 1)")
                await adapter.execute("UPDATE accounts SET balance = balance + 1 WHERE id = 1")
    assert [row[0] for row in await adapter.fetch("SELECT id FROM ledger")] == ["y"]
    done.set()
    await task


async def test_a_lost_commit_reply_is_an_unknown_outcome_and_never_retried(database):
    """Commit acknowledged to nobody."""
    async with proxied(database) as proxy:
        adapter = connect(through(database, proxy))
        await open_accounts(adapter)
        runs = []
        proxy.lose_reply_to = b"COMMIT"

        @transaction(retries=3)
        async def work():
            runs.append(1)
            await adapter.execute("INSERT INTO ledger VALUES ('x', 1)")

        with pytest.raises(TransactionOutcomeUnknown):
            await work()
        proxy.lose_reply_to = None
        assert runs == [1]
        assert await adapter.fetch_value("SELECT count(*) FROM ledger") == 1


async def test_a_cancellation_during_commit_is_delivered_when_the_outcome_is_known(database):
    """Cancellation during COMMIT: known within the grace, unknown after it."""
    async with proxied(database) as proxy:
        adapter = connect(through(database, proxy))
        await open_accounts(adapter)
        committed = []

        async def work(key):
            async with transaction():
                await adapter.execute("INSERT INTO ledger VALUES ($1, 1)", key)
                on_commit(lambda: committed.append(key))

        await work("first")
        proxy.delay_replies_to = (b"COMMIT", 0.3)
        task = asyncio.create_task(work("second"))
        await asyncio.sleep(0.15)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert committed == ["first", "second"]
        proxy.delay_replies_to = (b"COMMIT", 5)
        with within(2), pytest.raises(TransactionOutcomeUnknown):
            await asyncio.wait_for(work("third"), 0.3)
        proxy.delay_replies_to = None
        assert await adapter.fetch_value("SELECT count(*) FROM ledger") == 3


@pytest.mark.parametrize("kind", ["read", "transaction", "connecting"])
async def test_an_unreachable_database_does_not_hold_a_deadline(database, kind):
    """Database unreachable while a deadline runs: back by the deadline + 1 s; service within 2 s of healing."""
    async with proxied(database) as proxy:
        adapter = connect(through(database, proxy), pool_size=5, max_overflow=0)
        if kind != "connecting":
            await fill(adapter, 5)

        async def work():
            if kind == "transaction":
                async with transaction():
                    await adapter.run("SELECT 1", ())
            else:
                await adapter.run("SELECT 1", ())

        proxy.swallowing = True
        with within(1.5):
            outcomes = await asyncio.gather(*[asyncio.wait_for(work(), 0.5) for _ in range(20)], return_exceptions=True)
        assert all(isinstance(outcome, TimeoutError) for outcome in outcomes), outcomes
        proxy.swallowing = False
        proxy.cut()
        with within(2):
            while True:
                try:
                    await adapter.execute("SELECT 1")
                    break
                except DatabaseError:
                    await asyncio.sleep(0.02)


async def test_a_database_that_refuses_is_a_typed_error_within_the_acquire_timeout(database):
    """Database down: typed error within the acquire timeout, for everybody who waits; recovery when it is up."""
    async with proxied(database) as proxy:
        adapter = connect(through(database, proxy), pool_size=5, max_overflow=5, pool_timeout=1)
        await fill(adapter, 5)
        proxy.refuse()
        proxy.cut()
        with within(1.5):
            outcomes = await asyncio.gather(
                *[adapter.run("SELECT 1", ()) for _ in range(50)],
                *[adapter.run_dml("SELECT 1", ()) for _ in range(50)],
                return_exceptions=True,
            )
        assert all(isinstance(outcome, DatabaseUnavailable) for outcome in outcomes), set(map(repr, outcomes))
        await proxy.listen()
        with within(2):
            while True:
                try:
                    await adapter.run("SELECT 1", ())
                    break
                except DatabaseError:
                    await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("batch", "killed"),
        ("batch", "cancelled"),
        ("stream", "killed"),
        ("stream", "cancelled"),
        ("stream", "left"),
        ("stream inside", "cancelled"),
        ("stream inside", "left"),
    ],
)
async def test_bulk_work_that_is_broken_off_ends_and_leaves_nothing(database, kind, fault):
    """Killed, cancelled or left in the middle of a batch or a stream: it ends at once, the pool is whole."""
    adapter = connect(database, pool_size=2, max_overflow=0)
    await adapter.execute("CREATE TABLE numbers (n bigint)")
    half = asyncio.Event()

    async def batch():
        half.set()
        await adapter.executemany("INSERT INTO numbers VALUES ($1)", [(n,) for n in range(500_000)])

    async def stream():
        # Inside a transaction, where other statements may run before its end, the rows are all read at once.
        rows = 10_000_000 if kind == "stream" else 500_000
        chunks = adapter.stream(f"SELECT seq FROM seq_1_to_{rows}", (), chunk_size=100)
        count = 0
        async for _ in chunks:
            count += 1
            if count == 10:
                half.set()
                if fault == "left":
                    break
            if kind == "stream inside" and count > 10:
                # The rows are here already: a reader in no hurry, who can be cancelled in the middle.
                await asyncio.sleep(0.01)

    async def inside():
        async with transaction():
            await stream()

    task = asyncio.create_task({"batch": batch, "stream": stream, "stream inside": inside}[kind]())
    async with looking_on(database) as onlooker:
        await asyncio.wait([asyncio.ensure_future(half.wait()), task], return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(0 if fault == "left" else 0.1)
        with within(5):
            if fault == "killed":
                assert not task.done()
                await kill_all(onlooker, database)
                with pytest.raises(DatabaseUnavailable):
                    await task
            elif fault == "cancelled":
                assert not task.done()
                with within(1):
                    task.cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await task
            else:
                await task
            status = await pool_is_full_again(adapter, 5)
        assert status["open"] <= 2
        with within(2):
            assert (await adapter.run("SELECT 1", ()))[0][0] == 1
        assert await onlooker.fetch_value("SELECT count(*) FROM numbers") == 0


async def test_no_transaction_is_left_open_by_cancelled_blocks(database):
    """Cancel inside a transaction: no session remains in one, nothing is written."""
    adapter = connect(database, pool_size=4, max_overflow=0, pool_timeout=20)
    await open_accounts(adapter)

    async def work():
        async with transaction():
            await adapter.execute("UPDATE accounts SET balance = 0 WHERE id = $1", random.randrange(ACCOUNTS))
            await adapter.run("SELECT sleep(5)", ())

    for _ in range(10):
        task = asyncio.create_task(work())
        await asyncio.sleep(random.random() * 0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await pool_is_full_again(adapter, 5)
    async with looking_on(database) as onlooker:
        open_ones = (
            "SELECT count(*) FROM information_schema.innodb_trx t JOIN information_schema.processlist p "
            "ON p.id = t.trx_mysql_thread_id WHERE p.db = $1"
        )
        assert await onlooker.fetch_value(open_ones, urlsplit(database).path[1:]) == 0
        assert await onlooker.fetch_value("SELECT sum(balance) FROM accounts") == ACCOUNTS * BALANCE
