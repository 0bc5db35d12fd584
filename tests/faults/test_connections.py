"""Dead, frozen, unreachable and used-up connections."""

import asyncio
import contextlib
import signal

import pytest

from covet.database.transaction import detached, transaction
from covet.exceptions import (
    DatabaseError,
    DatabaseUnavailable,
    OperationalError,
    PoolTimeout,
    TransactionOutcomeUnknown,
)
from tests.faults.cluster import Cluster
from tests.faults.conftest import Stopwatch, connect, fill, observer, open_accounts, pool_is_full_again, within
from tests.faults.proxy import proxy_to
from tests.pace import is_late

pytestmark = pytest.mark.postgresql

OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'covet'"


async def works_again(adapter, seconds):
    """Wait until reads and writes succeed; how long it took."""
    watch = Stopwatch()
    while True:
        try:
            assert (await adapter.run("SELECT 1", ()))[0][0] == 1
            await adapter.execute("CREATE TEMPORARY TABLE IF NOT EXISTS probe (n integer)")
            return watch.seconds()
        except DatabaseError:
            assert not is_late(watch.seconds(), seconds)
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def looking_on(url):
    onlooker = observer(url, application_name="onlooker")
    try:
        yield onlooker
    finally:
        await onlooker.close()


@pytest.mark.parametrize("pause", [0, 0.05])
async def test_terminated_idle_connections_give_no_error_on_reads(database, pause):
    """Idle pooled connections terminated: 0 errors on autocommit reads."""
    adapter = connect(database, pool_size=10, max_overflow=0)
    await fill(adapter, 10)
    async with looking_on(database) as onlooker:
        await onlooker.fetch(OTHERS)
        await asyncio.sleep(pause)
        rows = await asyncio.gather(*[adapter.run("SELECT 1", ()) for _ in range(10)])
    assert [row[0][0] for row in rows] == [1] * 10


async def test_terminated_idle_connections_give_no_error_on_writes_and_transactions_once_noticed(database):
    """Idle pooled connections terminated: a connection known to be dead is never written to."""
    adapter = connect(database, pool_size=10, max_overflow=0)
    await open_accounts(adapter)
    await fill(adapter, 10)

    async def write(number):
        await adapter.execute("INSERT INTO ledger VALUES ($1, 1)", str(number))

    async def transact(number):
        async with transaction():
            await write(number)

    async with looking_on(database) as onlooker:
        await onlooker.fetch(OTHERS)
        await asyncio.sleep(0.05)
        await asyncio.gather(*[write(n) for n in range(5)], *[transact(n) for n in range(5, 10)])
        assert await onlooker.fetch_value("SELECT count(*) FROM ledger") == 10


async def test_a_connection_terminated_mid_query_is_one_typed_error(database):
    """Terminated mid-query: one typed error (a write is never repeated), recovery at once."""
    adapter = connect(database, pool_size=3, max_overflow=0)
    await fill(adapter, 3)
    async with looking_on(database) as onlooker:
        write = asyncio.create_task(adapter.run_write("SELECT pg_sleep(10)", ()))
        await asyncio.sleep(0.1)
        await onlooker.fetch(OTHERS)
        with pytest.raises(DatabaseUnavailable) as caught:
            await write
        assert caught.value.__cause__ is not None
        assert await works_again(adapter, 2) < 2


async def test_a_connection_terminated_inside_a_transaction_is_one_typed_error(database):
    """Terminated mid-transaction: typed error, nothing written, the block ends cleanly."""
    adapter = connect(database, pool_size=2, max_overflow=0)
    await open_accounts(adapter)
    async with looking_on(database) as onlooker:
        with pytest.raises(DatabaseUnavailable):
            async with transaction():
                await adapter.execute("INSERT INTO ledger VALUES ('x', 1)")
                await onlooker.fetch(OTHERS)
                await adapter.execute("INSERT INTO ledger VALUES ('y', 1)")
        assert await onlooker.fetch_value("SELECT count(*) FROM ledger") == 0
    await pool_is_full_again(adapter)


async def test_a_connection_terminated_inside_a_nested_block_stays_the_same_typed_error(database):
    """Terminated inside a savepoint whose error is swallowed: later queries, and the end, still say what happened."""
    adapter = connect(database, pool_size=2, max_overflow=0)
    await open_accounts(adapter)
    async with looking_on(database) as onlooker:
        with pytest.raises(DatabaseUnavailable):
            async with transaction():
                await adapter.execute("INSERT INTO ledger VALUES ('x', 1)")
                with contextlib.suppress(DatabaseError):
                    async with transaction():
                        await onlooker.fetch(OTHERS)
                        await adapter.execute("INSERT INTO ledger VALUES ('y', 1)")
                with pytest.raises(DatabaseUnavailable):
                    await adapter.execute("INSERT INTO ledger VALUES ('z', 1)")
        assert await onlooker.fetch_value("SELECT count(*) FROM ledger") == 0
    await pool_is_full_again(adapter)


async def test_a_connection_lost_before_the_commit_is_sent_is_a_plain_error(database):
    """Terminated before COMMIT: it is known that nothing happened."""
    adapter = connect(database, pool_size=2, max_overflow=0)
    await open_accounts(adapter)
    async with looking_on(database) as onlooker:
        with pytest.raises(DatabaseUnavailable):
            async with transaction():
                await adapter.execute("INSERT INTO ledger VALUES ('x', 1)")
                await onlooker.fetch(OTHERS)
                await asyncio.sleep(0.05)
        assert await onlooker.fetch_value("SELECT count(*) FROM ledger") == 0


async def test_an_immediate_restart_is_survived_within_two_seconds(cluster, database):
    """Cluster restarted (-m immediate): typed errors only, recovery within 2 s."""
    adapter = connect(database, pool_size=5, max_overflow=0)
    await fill(adapter, 5)
    errors = []
    stop = False

    async def load():
        while not stop:
            try:
                await adapter.run("SELECT pg_sleep(0.01)", ())
            except DatabaseError as exc:
                errors.append(exc)
                await asyncio.sleep(0.01)

    tasks = [asyncio.create_task(load()) for _ in range(5)]
    await asyncio.sleep(0.05)
    await asyncio.to_thread(cluster.restart)
    took = await works_again(adapter, 2)
    stop = True
    await asyncio.gather(*tasks)
    assert all(isinstance(error, OperationalError) for error in errors)
    print(f"restart: {len(errors)} typed errors, whole again {took:.2f} s after the server")


async def test_a_killed_backend_is_survived_within_five_seconds(cluster, database):
    """kill -9 of a backend (the server restarts all of them): recovery within 5 s."""
    adapter = connect(database, pool_size=3, max_overflow=0)
    await fill(adapter, 3)
    pid = (await adapter.run("SELECT pg_backend_pid()", ()))[0][0]
    cluster.signal_backend(pid, signal.SIGKILL)
    took = await works_again(adapter, 5)
    print(f"kill -9: whole again after {took:.2f} s")


async def test_a_frozen_backend_does_not_hold_a_deadline(cluster, database):
    """kill -STOP of a backend under a deadline: back by the deadline + 1 s, others unharmed."""
    adapter = connect(database, pool_size=2, max_overflow=0)
    await fill(adapter, 2)
    pid = (await adapter.run("SELECT pg_backend_pid()", ()))[0][0]
    cluster.signal_backend(pid, signal.SIGSTOP)
    try:
        with within(1.5), pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                while True:
                    await adapter.run("SELECT 1", ())
        with within(2):
            assert (await adapter.run("SELECT 1", ()))[0][0] == 1
    finally:
        cluster.signal_backend(pid, signal.SIGCONT)


@pytest.mark.parametrize("kind", ["transaction", "savepoint", "commit", "stream", "copy"])
async def test_a_frozen_backend_does_not_hold_a_block(cluster, database, kind):
    """kill -STOP of a backend inside a transaction, a stream, a COPY: back by the deadline + 1 s, others unharmed."""
    adapter = connect(database, pool_size=2, max_overflow=0)
    await open_accounts(adapter)
    frozen = []

    async def freeze():
        frozen.append((await adapter.run("SELECT pg_backend_pid()", ()))[0][0])
        cluster.signal_backend(frozen[0], signal.SIGSTOP)

    async def work():
        async with transaction():
            await adapter.execute("INSERT INTO ledger VALUES ('x', 1)")
            if kind == "stream":
                async for _ in adapter.stream("SELECT * FROM generate_series(1, 100000)", (), chunk_size=10):
                    if not frozen:
                        await freeze()
                return
            await freeze()
            if kind == "transaction":
                await adapter.run("SELECT 1", ())
            elif kind == "savepoint":
                async with transaction():
                    await adapter.run("SELECT 1", ())
            elif kind == "copy":
                await adapter.copy_records("ledger", ["id", "amount"], ((str(n), n) for n in range(10**7)))

    expected = TransactionOutcomeUnknown if kind == "commit" else TimeoutError
    try:
        with within(2), pytest.raises(expected):
            async with asyncio.timeout(0.5):
                await work()
        with within(2):
            assert await adapter.fetch_value("SELECT count(*) FROM ledger") == 0
    finally:
        cluster.signal_backend(frozen[0], signal.SIGCONT)
    await pool_is_full_again(adapter, 5)


@pytest.mark.parametrize("kind", ["read", "transaction", "connecting"])
async def test_an_unreachable_database_does_not_hold_a_deadline(cluster, database, kind):
    """Database unreachable while a deadline runs: back by the deadline + 1 s; service within 2 s of healing."""
    async with proxy_to("127.0.0.1", cluster.port) as proxy:
        adapter = connect(database.replace(f":{cluster.port}", f":{proxy.port}"), pool_size=5, max_overflow=0)
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
        assert await works_again(adapter, 2) < 2


async def test_a_server_that_does_not_answer_a_connection_is_a_typed_error(cluster, database):
    """Database unreachable, no deadline: DatabaseUnavailable after connect_timeout."""
    async with proxy_to("127.0.0.1", cluster.port) as proxy:
        adapter = connect(database.replace(f":{cluster.port}", f":{proxy.port}"), connect_timeout=0.3, pool_timeout=20)
        proxy.swallowing = True
        with within(1.5), pytest.raises(DatabaseUnavailable, match=r"did not answer within connect_timeout=0\.3 s"):
            await adapter.run("SELECT 1", ())
        proxy.swallowing = False
        assert await works_again(adapter, 2) < 2


async def test_command_timeout_ends_a_query_and_its_connection_lives(database):
    """Deadlines: command_timeout is a typed error; the connection is mended, not replaced."""
    adapter = connect(database, pool_size=1, max_overflow=0, command_timeout=0.2)
    with within(1), pytest.raises(OperationalError, match="longer than command_timeout"):
        await adapter.run("SELECT pg_sleep(5)", ())
    assert (await adapter.run("SELECT 1", ()))[0][0] == 1
    assert adapter.pool_status()["opened"] == 1


async def test_statement_timeout_and_idle_in_transaction_timeout_are_the_servers(database):
    """statement_timeout and idle_in_transaction_session_timeout are set on the server side."""
    adapter = connect(database, statement_timeout=0.2, idle_in_transaction_session_timeout=0.3, pool_size=2)
    with pytest.raises(OperationalError) as caught:
        await adapter.run("SELECT pg_sleep(5)", ())
    assert caught.value.sqlstate == "57014"
    with pytest.raises(DatabaseError):
        async with transaction():
            await adapter.run("SELECT 1", ())
            await asyncio.sleep(0.6)
            await adapter.run("SELECT 1", ())
    assert (await adapter.run("SELECT 1", ()))[0][0] == 1


async def test_a_database_that_is_down_is_a_typed_error_within_the_acquire_timeout(cluster, database):
    """Database down: typed error within the acquire timeout, for everybody who waits; recovery when it is up."""
    adapter = connect(database, pool_size=5, max_overflow=5, pool_timeout=1)
    await fill(adapter, 5)
    await asyncio.to_thread(cluster.stop)
    try:
        with within(1.5):
            outcomes = await asyncio.gather(
                *[adapter.run("SELECT 1", ()) for _ in range(50)],
                *[adapter.run_dml("SELECT 1", ()) for _ in range(50)],
                return_exceptions=True,
            )
        assert all(isinstance(outcome, DatabaseUnavailable) for outcome in outcomes), set(map(repr, outcomes))
    finally:
        await asyncio.to_thread(cluster.start)
    assert await works_again(adapter, 2) < 2


async def test_a_read_only_server_is_left_and_the_next_host_takes_over(cluster, database):
    """Failover, old primary read-only: 25006 evicts the connections; a multi-host DSN recovers within 5 s."""
    successor = await asyncio.to_thread(Cluster)
    try:
        await asyncio.to_thread(successor.start)
        url = f"postgresql://postgres@127.0.0.1:{cluster.port},127.0.0.1:{successor.port}/postgres"
        adapter = connect(url, pool_size=4, max_overflow=0)
        await adapter.execute("CREATE TABLE IF NOT EXISTS moved (n integer)")
        await fill(adapter, 4)
        async with looking_on(successor.url) as there, looking_on(cluster.url) as here:
            await there.execute("CREATE TABLE IF NOT EXISTS moved (n integer)")
            await here.execute("ALTER SYSTEM SET default_transaction_read_only = on")
            await here.fetch("SELECT pg_reload_conf()")
            try:
                await asyncio.sleep(0.2)
                watch = Stopwatch()
                states = []
                while True:
                    try:
                        await adapter.execute("INSERT INTO moved VALUES (1)")
                        break
                    except DatabaseUnavailable as exc:
                        states.append(exc.sqlstate)
                        assert not is_late(watch.seconds(), 5)
                assert await there.fetch_value("SELECT count(*) FROM moved") == 1
                assert states == ["25006"]
                await asyncio.gather(*[adapter.execute("INSERT INTO moved VALUES (2)") for _ in range(8)])
                print(f"failover: {len(states)} error, moved after {watch.seconds():.2f} s")
            finally:
                async with transaction_free(here) as connection:
                    await connection.execute("SET default_transaction_read_only = off")
                    await connection.execute("ALTER SYSTEM RESET default_transaction_read_only")
                    await connection.execute("SELECT pg_reload_conf()")
    finally:
        await asyncio.to_thread(successor.remove)


@contextlib.asynccontextmanager
async def transaction_free(adapter):
    connection = await adapter.connect()
    try:
        yield connection
    finally:
        await connection.close()


async def test_a_dead_first_host_is_passed_over(cluster, database):
    """Multi-host DSN: the first host is gone."""
    async with proxy_to("127.0.0.1", cluster.port) as proxy:
        url = database.replace(f"127.0.0.1:{cluster.port}", f"127.0.0.1:{proxy.port},127.0.0.1:{cluster.port}")
        proxy.refuse()
        adapter = connect(url)
        with within(5):
            assert (await adapter.run("SELECT 1", ()))[0][0] == 1


async def test_a_nested_acquire_in_a_used_up_pool_is_a_typed_timeout(database):
    """Nested acquire with the pool used up: typed timeout, no deadlock, no slot lost."""
    adapter = connect(database, pool_size=3, max_overflow=0, pool_timeout=0.5)

    async def greedy():
        async with transaction():
            await adapter.run("SELECT 1", ())
            await asyncio.sleep(0.1)
            with detached():
                return await adapter.run("SELECT 1", ())

    with within(2):
        outcomes = await asyncio.gather(*[greedy() for _ in range(3)], return_exceptions=True)
    assert any(isinstance(outcome, PoolTimeout) for outcome in outcomes)
    text = str(next(outcome for outcome in outcomes if isinstance(outcome, PoolTimeout)))
    assert "became free within 0.5 s: 3 of 3 are open" in text
    await pool_is_full_again(adapter)
    assert adapter.pool_status()["open"] == 3


async def test_five_hundred_waiters_half_cancelled_lose_no_slot(database):
    """500 waiters, half cancelled."""
    adapter = connect(database, pool_size=4, max_overflow=0, pool_timeout=60)
    tasks = [asyncio.create_task(adapter.run("SELECT pg_sleep(0.002)", ())) for _ in range(500)]
    await asyncio.sleep(0.05)
    for task in tasks[::2]:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    served = sum(not isinstance(outcome, BaseException) for outcome in outcomes)
    assert all(isinstance(o, asyncio.CancelledError) for o in outcomes if isinstance(o, BaseException))
    assert served >= 250
    status = await pool_is_full_again(adapter)
    assert status["open"] == 4
    assert status["waiting"] == 0


async def test_two_hundred_requests_use_at_most_pool_and_overflow(database):
    """Promise 11. 200 concurrent requests on pool 20 + overflow 10 use at most 30 sessions."""
    adapter = connect(database, pool_size=20, max_overflow=10, pool_timeout=30)
    async with looking_on(database) as onlooker:
        busy = asyncio.gather(*[adapter.run("SELECT pg_sleep(0.02)", ()) for _ in range(200)])
        most = 0
        while not busy.done():
            sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'covet'"
            most = max(most, await onlooker.fetch_value(sessions))
        await busy
    assert 20 <= most <= 30


async def test_too_many_clients_waits_for_a_connection_of_our_own(cluster, database):
    """The server's max_connections is reached: those who wait get the connections that there are."""
    adapter = connect(database, pool_size=200, max_overflow=0, pool_timeout=60, connect_timeout=60)
    rows = await asyncio.gather(*[adapter.run("SELECT pg_sleep(0.05)", ()) for _ in range(150)])
    assert len(rows) == 150
    assert (await pool_is_full_again(adapter))["open"] <= 60


async def test_the_pool_is_checked_against_the_servers_limit(database):
    """Pool size x workers against max_connections."""
    adapter = connect(database, pool_size=20, max_overflow=10)
    assert await adapter.check_pool(workers=1) is None
    warning = await adapter.check_pool(workers=4)
    assert "4 workers with pool_size=20 and max_overflow=10 may open 120 connections, the server accepts 57" in warning
    assert "lower them to 14 together" in warning


@pytest.mark.parametrize("kind", ["copy", "batch", "stream"])
@pytest.mark.parametrize("fault", ["terminated", "cancelled"])
async def test_bulk_work_that_is_broken_off_ends_and_leaves_nothing(database, kind, fault):
    """Terminated or cancelled during COPY, a batch, or a stream: it ends, nothing is half done, the pool is whole."""
    adapter = connect(database, pool_size=2, max_overflow=0)
    await adapter.execute("CREATE TABLE numbers (n bigint)")

    async def copy():
        await adapter.copy_records("numbers", ["n"], ((n,) for n in range(10**8)))

    async def batch():
        await adapter.executemany("INSERT INTO numbers VALUES ($1)", [(n,) for n in range(500_000)])

    async def stream():
        async for _ in adapter.stream("SELECT * FROM generate_series(1, 10000000)", (), chunk_size=100):
            pass

    task = asyncio.create_task({"copy": copy, "batch": batch, "stream": stream}[kind]())
    await asyncio.sleep(0.4)
    assert not task.done()
    async with looking_on(database) as onlooker:
        with within(5):
            if fault == "terminated":
                await onlooker.fetch(OTHERS)
                with pytest.raises(DatabaseUnavailable):
                    await task
            else:
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            status = await pool_is_full_again(adapter, 5)
        assert status["open"] <= 2
        assert await onlooker.fetch_value("SELECT count(*) FROM numbers") == 0
    assert (await adapter.run("SELECT 1", ()))[0][0] == 1
