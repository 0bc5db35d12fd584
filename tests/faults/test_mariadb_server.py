"""A MariaDB server that is killed, shut down, frozen, full, or made read-only under load."""

import asyncio
import collections
import random
import signal

import pytest

from covet.database.transaction import transaction
from covet.exceptions import DatabaseError, DatabaseUnavailable, OperationalError, TransactionOutcomeUnknown
from tests.faults.conftest import (
    ACCOUNTS,
    BALANCE,
    connect,
    fill,
    observer,
    open_accounts,
    patiently,
    pool_is_full_again,
    within,
)
from tests.faults.mariadb import MariaDB
from tests.services import ServiceUnavailable, create_database

pytestmark = pytest.mark.mysql


@pytest.fixture(scope="module")
def private_mariadb():
    pytest.importorskip("asyncmy")
    try:
        server = MariaDB()
        server.start()
    except ServiceUnavailable as error:
        pytest.skip(str(error))
    yield server
    server.remove()


@pytest.fixture
def mariadb(private_mariadb):
    """The private server, running."""
    private_mariadb.start()
    return private_mariadb


@pytest.fixture
def database(mariadb):
    """The address of an empty database on it."""
    return patiently(create_database, mariadb.url, "faults")


async def under_transfers(adapter, fault, *, tasks=4):
    """Break the server with `fault()` while money moves; how the transfers ended."""
    await open_accounts(adapter)
    outcomes = collections.Counter()
    unknown = []
    going = True

    async def transfers(number):
        while going:
            key = f"{number}-{random.getrandbits(40)}"
            try:
                async with transaction():
                    await adapter.run_dml("UPDATE accounts SET balance = balance - 1 WHERE id = %s", (number,))
                    async with transaction():
                        await adapter.run_dml("UPDATE accounts SET balance = balance + 1 WHERE id = %s", (number + 4,))
                    await adapter.run_dml("INSERT INTO ledger VALUES (%s, 1)", (key,))
                outcomes["committed"] += 1
            except TransactionOutcomeUnknown:
                outcomes["unknown"] += 1
                unknown.append(key)
            except DatabaseError as error:
                outcomes[type(error).__name__] += 1
            await asyncio.sleep(0.001)

    workers = [asyncio.create_task(transfers(number)) for number in range(tasks)]
    while outcomes["committed"] < 50:
        await asyncio.sleep(0.01)
    await fault()
    before = outcomes["committed"]
    with within(2):
        while outcomes["committed"] < before + 20:
            await asyncio.sleep(0.01)
    going = False
    await asyncio.gather(*workers)
    assert await adapter.fetch_value("SELECT sum(balance) FROM accounts") == ACCOUNTS * BALANCE
    written = {row[0] for row in await adapter.fetch("SELECT id FROM ledger")}
    assert len(written - set(unknown)) == outcomes["committed"]
    moved = await adapter.fetch_value(f"SELECT sum(balance) - {4 * BALANCE} FROM accounts WHERE id >= 4")
    assert moved == len(written)
    status = await pool_is_full_again(adapter)
    assert status["open"] <= status["limit"]
    print(dict(outcomes))
    return outcomes


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_the_server_is_killed_and_started_again_under_transfers(mariadb, database, how):
    """kill -9 and a shutdown: the sum is intact, what was acknowledged is there, recovery within 2 s."""
    adapter = connect(database, pool_size=6, max_overflow=0, pool_timeout=1)

    async def fault():
        await asyncio.to_thread(mariadb.stop, how)
        await asyncio.sleep(0.3)
        await asyncio.to_thread(mariadb.start)

    for _ in range(3):
        outcomes = await under_transfers(adapter, fault)
        assert outcomes["DatabaseUnavailable"] > 0
        assert set(outcomes) <= {"committed", "unknown", "DatabaseUnavailable"}
        await adapter.execute("DROP TABLE accounts")
        await adapter.execute("DROP TABLE ledger")


async def test_a_frozen_server_does_not_hold_deadlines(mariadb, database):
    """kill -STOP: each caller is back at its deadline; when it goes on, so do we."""
    adapter = connect(database, pool_size=6, max_overflow=0, pool_timeout=1)

    async def fault():
        mariadb.process.send_signal(signal.SIGSTOP)
        try:
            with within(2.5):
                outcomes = await asyncio.gather(
                    *[asyncio.wait_for(adapter.run("SELECT 1", ()), 0.5) for _ in range(10)], return_exceptions=True
                )
            assert all(isinstance(outcome, TimeoutError | DatabaseError) for outcome in outcomes), outcomes
        finally:
            mariadb.process.send_signal(signal.SIGCONT)

    await under_transfers(adapter, fault)


async def test_the_server_is_away(mariadb, database):
    """Stopped: a typed error for everybody within the acquire timeout; reads pass unharmed when it is back."""
    adapter = connect(database, pool_size=6, max_overflow=0, pool_timeout=1)
    await fill(adapter, 6)
    await asyncio.to_thread(mariadb.stop)
    with within(2):
        outcomes = await asyncio.gather(*[adapter.run("SELECT 1", ()) for _ in range(30)], return_exceptions=True)
    assert all(isinstance(outcome, DatabaseUnavailable) for outcome in outcomes), set(map(repr, outcomes))
    await asyncio.to_thread(mariadb.start)
    for _ in range(20):
        assert (await adapter.run("SELECT 1", ()))[0][0] == 1


async def test_a_restart_while_idle_costs_reads_nothing(mariadb, database):
    """Idle pooled connections gone: 0 errors on autocommit reads."""
    adapter = connect(database, pool_size=6, max_overflow=0)
    await fill(adapter, 6)
    await asyncio.to_thread(mariadb.stop)
    await asyncio.to_thread(mariadb.start)
    outcomes = await asyncio.gather(*[adapter.run("SELECT 1", ()) for _ in range(30)], return_exceptions=True)
    assert [outcome for outcome in outcomes if isinstance(outcome, BaseException)] == []


async def test_a_server_that_turned_read_only(mariadb, database):
    """Failover: writes fail with a typed error, reads go on, and writes go on when it is over."""
    adapter = connect(database, pool_size=4, max_overflow=0)
    await open_accounts(adapter)
    await adapter.execute("CREATE OR REPLACE USER app@'127.0.0.1'")
    await adapter.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON faults.* TO app@'127.0.0.1'")
    await adapter.close()
    app = connect(database.replace("root@", "app@"), pool_size=4, max_overflow=0)
    root = observer(database)
    try:
        await app.run("SELECT 1", ())
        await root.execute("SET GLOBAL read_only = 1")
        for _ in range(5):
            with pytest.raises(DatabaseUnavailable) as caught:
                await app.execute("INSERT INTO ledger VALUES ('x', 1)")
            assert caught.value.sqlstate == "25006"
            with pytest.raises(DatabaseUnavailable):
                async with transaction():
                    await app.execute("INSERT INTO ledger VALUES ('x', 1)")
            assert await app.fetch_value("SELECT count(*) FROM ledger") == 0
        await root.execute("SET GLOBAL read_only = 0")
        await app.execute("INSERT INTO ledger VALUES ('x', 1)")
    finally:
        await root.execute("SET GLOBAL read_only = 0")
        await root.close()


async def test_the_server_takes_no_more_connections(mariadb, database):
    """max_connections reached: those who wait share the connections that there are."""
    root = observer(database)
    try:
        await root.execute("SET GLOBAL max_connections = 10")
        adapter = connect(database, pool_size=30, max_overflow=0, pool_timeout=20)
        outcomes = await asyncio.gather(
            *[adapter.run("SELECT sleep(0.02)", ()) for _ in range(100)], return_exceptions=True
        )
        await adapter.close()
        assert [outcome for outcome in outcomes if isinstance(outcome, BaseException)] == []
    finally:
        await root.execute("SET GLOBAL max_connections = 60")
        await root.close()


async def test_a_password_that_is_rotated_while_running(mariadb, database):
    """Open sessions go on; new ones fail with a typed error that is no 503."""
    root = observer(database)
    try:
        await root.execute("CREATE OR REPLACE USER app@'127.0.0.1' IDENTIFIED BY 'one'")
        await root.execute("GRANT SELECT ON faults.* TO app@'127.0.0.1'")
        adapter = connect(database.replace("root@", "app:one@"), pool_size=2, max_overflow=0)
        await fill(adapter, 1)
        await root.execute("SET PASSWORD FOR app@'127.0.0.1' = PASSWORD('two')")
        assert (await adapter.run("SELECT 1", ()))[0][0] == 1
        again = observer(database.replace("root@", "app:one@"))
        with within(2), pytest.raises(OperationalError, match="Access denied"):
            await again.run("SELECT 1", ())
        await again.close()
    finally:
        await root.close()


async def test_a_transaction_that_nobody_works_in_is_ended(mariadb, database):
    """idle_in_transaction_session_timeout: the server ends it, its locks are free, nothing of it is written."""
    adapter = connect(database, idle_in_transaction_session_timeout=1)
    await open_accounts(adapter)
    onlooker = observer(database)
    try:
        with pytest.raises(DatabaseUnavailable):
            async with transaction():
                await adapter.execute("UPDATE accounts SET balance = 0 WHERE id = 1")
                with within(4):
                    # Waits for the row's lock.
                    await onlooker.execute("UPDATE accounts SET balance = balance WHERE id = 1")
                await adapter.execute("UPDATE accounts SET balance = 0 WHERE id = 2")
        assert await onlooker.fetch_value("SELECT sum(balance) FROM accounts") == ACCOUNTS * BALANCE
    finally:
        await onlooker.close()
    await pool_is_full_again(adapter)
