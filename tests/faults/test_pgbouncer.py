"""Behind a real PgBouncer, in each of its modes, told of it and not."""

import asyncio
import collections
import logging
import random
import signal

import pytest
import sqlalchemy as sa

from covet.database.migrations.locks import BehindPooler, refuse_pooler
from covet.database.transaction import transaction
from covet.exceptions import (
    DatabaseError,
    DatabaseUnavailable,
    NotSupportedError,
    OperationalError,
    TransactionOutcomeUnknown,
)
from tests.faults.conftest import (
    ACCOUNTS,
    BALANCE,
    connect,
    observer,
    open_accounts,
    pool_is_full_again,
    within,
)
from tests.faults.pgbouncer import pgbouncer_to
from tests.services import ServiceUnavailable

pytestmark = pytest.mark.postgresql

LIMITS = "extra_float_digits,statement_timeout,idle_in_transaction_session_timeout,lock_timeout"
"""What PgBouncer can be told to overlook in a start-up message: a pooler that is not to be noticed there."""


@pytest.fixture
def bouncer(request, cluster):
    """A PgBouncer in transaction mode, or with the settings that the test names."""
    try:
        with pgbouncer_to(cluster.port, **getattr(request, "param", {})) as bouncer:
            yield bouncer
    except ServiceUnavailable as error:
        pytest.skip(str(error))


def behind(**settings):
    return pytest.mark.parametrize("bouncer", [settings], indirect=True, ids=["-".join(map(str, settings.values()))])


async def everything(adapter):
    """480 queries and transactions side by side, streams, COPY, batches, SQLAlchemy."""
    await open_accounts(adapter)

    async def query(number):
        if number % 6 == 0:
            async with transaction():
                await adapter.run_dml("UPDATE accounts SET balance = balance + $1 WHERE id = $2", (1, number % 8))
                async with transaction():
                    return (await adapter.run("SELECT $1::int", (number,)))[0][0]
        if number % 6 == 1:
            await adapter.execute("INSERT INTO ledger VALUES ($1, $2)", str(number), number)
            return number
        rows = await adapter.run(f"SELECT $1::int, {number % 7}, pg_sleep(0.001)", (number,))
        assert rows[0][1] == number % 7
        return rows[0][0]

    outcomes = await asyncio.gather(*[query(number) for number in range(480)], return_exceptions=True)
    assert [outcome for outcome in outcomes if isinstance(outcome, BaseException)] == []
    assert outcomes == list(range(480))
    assert await adapter.fetch_value("SELECT sum(balance) FROM accounts") == ACCOUNTS * BALANCE + 80
    await adapter.copy_records("ledger", ["id", "amount"], [(f"c{n}", n) for n in range(10)])
    await adapter.executemany("INSERT INTO ledger VALUES ($1, $2)", [(f"m{n}", n) for n in range(10)])
    rows = [row async for rows in adapter.stream("SELECT id FROM ledger", (), chunk_size=7) for row in rows]
    assert len(rows) == 100
    async with adapter.engine.connect() as connection:
        assert (await connection.execute(sa.text("SELECT count(*) FROM ledger"))).scalar() == 100


@behind(pool_mode="transaction")
@pytest.mark.parametrize("setting", [{"pooler": "transaction"}, {"statement_cache_size": 0}, {}, {"pooler": "session"}])
async def test_queries_and_transactions_pass_transaction_mode(bouncer, database, setting, caplog):
    """Either setting works; without one, or with the wrong one, a warning names it and all goes well too."""
    adapter = connect(bouncer.before(database), pool_size=12, max_overflow=0, pool_timeout=60, **setting)
    with caplog.at_level(logging.WARNING, "covet.database"):
        if "pooler" in setting:
            # Where the mode is the wrong one it shows by a statement that is lost: inside a transaction that cannot
            # be mended, outside it is.
            reads = [adapter.run(f"SELECT {number % 7}, pg_sleep(0.001)", ()) for number in range(300)]
            assert [rows[0][0] for rows in await asyncio.gather(*reads)] == [number % 7 for number in range(300)]
        await everything(adapter)
    warnings = [record.getMessage() for record in caplog.records if "pooler='transaction'" in record.getMessage()]
    # Statements that the pooler keeps for its clients, as PgBouncer does since 1.21, are not lost in session mode.
    assert len(warnings) == (0 if adapter.pooler == adapter.config.pooler else 1)
    assert adapter.transaction_pooling == (setting != {"pooler": "session"} or bouncer.version < (1, 21))


@behind(pool_mode="transaction", ignore_startup_parameters=LIMITS)
async def test_a_pooler_that_accepts_every_parameter_is_noticed_too(bouncer, database, caplog):
    """By the process number: nothing else tells it from the server, but prepared statements get lost."""
    adapter = connect(bouncer.before(database), pool_size=12, max_overflow=0, pool_timeout=60, statement_timeout=30)
    await everything(adapter)
    assert adapter.transaction_pooling
    assert "set pooler='transaction' in its DatabaseConfig" in caplog.text


@behind(pool_mode="transaction", max_prepared_statements=50)
@pytest.mark.parametrize("setting", [{"pooler": "transaction"}, {"pooler": "session"}, {}])
async def test_a_pooler_that_keeps_prepared_statements(bouncer, database, setting):
    """PgBouncer's max_prepared_statements does no harm."""
    adapter = connect(bouncer.before(database), pool_size=12, max_overflow=0, pool_timeout=60, **setting)
    await everything(adapter)


@behind(pool_mode="session", default_pool_size=20)
@pytest.mark.parametrize("setting", [{"pooler": "session"}, {}])
async def test_queries_and_transactions_pass_session_mode(bouncer, database, setting):
    """With its setting the session's limits and LISTEN hold, and prepared statements are kept."""
    adapter = connect(
        bouncer.before(database), pool_size=12, max_overflow=0, pool_timeout=60, statement_timeout=30, **setting
    )
    await everything(adapter)
    if setting:
        assert await adapter.fetch_value("SHOW statement_timeout") == "30s"
        await adapter.execute("SET statement_timeout = 5")
        assert {await adapter.fetch_value("SHOW statement_timeout") for _ in range(20)} == {"30s"}
        assert await adapter.fetch_value("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'covet_%'") > 0
        heard = asyncio.Event()
        stop = await adapter.listen("news", lambda _payload: heard.set())
        await adapter.notify("news")
        await heard.wait()
        await stop()


@behind(pool_mode="session", default_pool_size=3)
async def test_a_session_pooler_with_fewer_sessions_than_we_want(bouncer, database):
    """Those who wait share the connections that there are."""
    adapter = connect(bouncer.before(database), pool_size=12, max_overflow=0, pooler="session", connect_timeout=0.5)
    outcomes = await asyncio.gather(
        *[adapter.run("SELECT pg_sleep(0.03)", ()) for _ in range(100)], return_exceptions=True
    )
    assert [outcome for outcome in outcomes if isinstance(outcome, BaseException)] == []


@behind(pool_mode="statement")
async def test_statement_mode_is_refused_with_advice(bouncer, database):
    """Nothing of a transaction would hold: the error says which mode to choose."""
    adapter = connect(bouncer.before(database), pooler="transaction")
    with pytest.raises(NotSupportedError, match="pool_mode = transaction"):
        async with transaction():
            await adapter.execute("SELECT 1")
    await pool_is_full_again(adapter)


async def test_time_limits_hold_in_transaction_mode(bouncer, database):
    """statement_timeout inside a transaction and out, idle_in_transaction_session_timeout, lock_timeout, names."""
    adapter = connect(
        bouncer.before(database), pooler="transaction", statement_timeout=0.3, lock_timeout=0.2,
        idle_in_transaction_session_timeout=0.4, application_name="shop", time_zone="Asia/Tokyo",
    )  # fmt: skip
    await open_accounts(adapter)
    for _ in range(10):
        assert await adapter.fetch_value("SHOW application_name") == "shop"
        assert await adapter.fetch_value("SHOW TimeZone") == "Asia/Tokyo"
    with within(1.5), pytest.raises(OperationalError) as caught:
        await adapter.execute("SELECT pg_sleep(5)")
    assert caught.value.sqlstate == "57014"
    with within(1.5), pytest.raises(OperationalError) as caught:
        async with transaction():
            await adapter.execute("SELECT pg_sleep(5)")
    assert caught.value.sqlstate == "57014"
    with pytest.raises(DatabaseUnavailable):
        async with transaction():
            await adapter.execute("INSERT INTO ledger VALUES ('idle', 1)")
            await asyncio.sleep(1)
            await adapter.execute("INSERT INTO ledger VALUES ('late', 1)")
    onlooker = observer(database)
    try:
        async with transaction():
            await adapter.execute("UPDATE accounts SET balance = balance WHERE id = 1")
            with pytest.raises(OperationalError) as caught:
                await onlooker.execute("SET lock_timeout = 100; UPDATE accounts SET balance = 0 WHERE id = 1")
        assert caught.value.sqlstate == "55P03"
    finally:
        await onlooker.close()
    assert await adapter.fetch_value("SELECT count(*) FROM ledger") == 0
    for _ in range(10):
        # Nothing of it stays in the server's sessions.
        assert await adapter.fetch_value("SHOW statement_timeout") == "0"


@pytest.mark.parametrize("setting", [{"pooler": "transaction"}, {}])
async def test_what_needs_a_session_is_refused(bouncer, database, setting):
    """LISTEN, session settings, advisory locks, migrations: an error that says what to do instead; NOTIFY works."""
    adapter = connect(bouncer.before(database), **setting)
    with pytest.raises(NotSupportedError, match=r"LISTEN needs a session of its own.*second entry of DATABASES"):
        await adapter.listen("news", print)
    await adapter.notify("news", "x")
    for sql in ("SET work_mem = '1MB'", "SELECT pg_advisory_lock(1)", "SELECT set_config('work_mem', '1MB', false)"):
        with pytest.raises(NotSupportedError, match="use SET LOCAL, pg_advisory_xact_lock"):
            await adapter.execute(sql)
    async with transaction():
        await adapter.execute("SET LOCAL work_mem = '1MB'")
        assert await adapter.fetch_value("SELECT set_config('work_mem', '2MB', true)") == "2MB"
        await adapter.execute("SELECT pg_advisory_xact_lock(1)")
        assert await adapter.fetch_value("SHOW work_mem") == "2MB"
    assert {await adapter.fetch_value("SHOW work_mem") for _ in range(10)} == {"4MB"}
    with pytest.raises(BehindPooler):
        await refuse_pooler(adapter)


async def test_ddl_under_a_running_application(bouncer, database):
    """Result type, parameter type, table made anew, enum: no error outside a transaction."""
    adapter = connect(bouncer.before(database), pooler="transaction", pool_size=6)
    await adapter.execute("CREATE TABLE things (id int, name text); INSERT INTO things VALUES (1, 'a')")
    direct = observer(database)
    try:
        for change in (
            "ALTER TABLE things ALTER id TYPE bigint",
            "ALTER TABLE things ALTER name TYPE varchar(20)",
            "DROP TABLE things; CREATE TABLE things (id int, name text); INSERT INTO things VALUES (1, 'a')",
            "CREATE TYPE mood AS ENUM ('a', 'b'); ALTER TABLE things ALTER name TYPE mood USING name::mood",
            "DROP TABLE things; DROP TYPE mood; CREATE TYPE mood AS ENUM ('a');"
            "CREATE TABLE things (id int, name mood); INSERT INTO things VALUES (1, 'a')",
        ):
            await direct.execute(change)
            rows = await asyncio.gather(
                *[adapter.run("SELECT id, name FROM things WHERE id = $1", (1,)) for _ in range(20)],
            )
            assert {tuple(row) for each in rows for row in each} == {(1, "a")}
            async with transaction():
                assert await adapter.run_dml("UPDATE things SET id = $1 WHERE name = $2", (1, "a")) == 1
    finally:
        await direct.close()


async def test_cancelled_queries_and_transactions(bouncer, database):
    """They stop on the server, nothing is left open there, and the sum is intact."""
    adapter = connect(bouncer.before(database), pooler="transaction", pool_size=6, max_overflow=0, pool_timeout=20)
    await open_accounts(adapter)
    outcomes = collections.Counter()

    async def transfer(number):
        try:
            async with transaction():
                await adapter.run_dml("UPDATE accounts SET balance = balance - 1 WHERE id = $1", (number % 4,))
                await adapter.run("SELECT pg_sleep(0.02)", ())
                await adapter.run_dml("UPDATE accounts SET balance = balance + 1 WHERE id = $1", (4 + number % 4,))
        except asyncio.CancelledError:
            outcomes["cancelled"] += 1
            raise

    async def victim(number):
        task = asyncio.create_task(transfer(number))
        await asyncio.sleep(random.random() * 0.15)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    limit = asyncio.Semaphore(12)

    async def in_turn(number):
        async with limit:
            await victim(number)

    await asyncio.gather(*[in_turn(number) for number in range(200)])
    task = asyncio.create_task(adapter.run("SELECT pg_sleep(30)", ()))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await pool_is_full_again(adapter)
    assert outcomes["cancelled"] > 20
    onlooker = observer(database)
    try:
        busy = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND (state LIKE 'idle in%' OR (state = 'active' AND query LIKE '%pg_sleep(30)%'))"
        )
        with within(2):
            while await onlooker.fetch_value(busy):
                await asyncio.sleep(0.02)
        assert await onlooker.fetch_value("SELECT sum(balance) FROM accounts") == ACCOUNTS * BALANCE
    finally:
        await onlooker.close()


@pytest.mark.parametrize("fault", ["server", "pooler", "pooler at leisure"])
async def test_restarts_of_the_server_and_the_pooler(bouncer, cluster, database, fault):
    """Typed errors, no transfer half done, recovery within 2 s of the restart."""
    adapter = connect(
        bouncer.before(database), pooler="transaction", pool_size=6, max_overflow=0, pool_timeout=2, command_timeout=5
    )
    await open_accounts(adapter)
    outcomes = collections.Counter()
    going = True

    async def transfers(number):
        while going:
            key = f"{number}-{random.getrandbits(40)}"
            try:
                async with transaction():
                    await adapter.run_dml("UPDATE accounts SET balance = balance - 1 WHERE id = $1", (number,))
                    await adapter.run_dml("UPDATE accounts SET balance = balance + 1 WHERE id = $1", (number + 4,))
                    await adapter.run_dml("INSERT INTO ledger VALUES ($1, 1)", (key,))
                outcomes["committed"] += 1
            except TransactionOutcomeUnknown:
                outcomes["unknown"] += 1
            except DatabaseError as error:
                outcomes[type(error).__name__] += 1
            await asyncio.sleep(0.001)

    tasks = [asyncio.create_task(transfers(number)) for number in range(4)]
    while outcomes["committed"] < 20:
        await asyncio.sleep(0.01)
    if fault == "server":
        await asyncio.to_thread(cluster.restart)
    else:
        await asyncio.to_thread(bouncer.stop, signal.SIGKILL if fault == "pooler" else signal.SIGINT)
        await asyncio.to_thread(bouncer.start)
    before = outcomes["committed"]
    with within(2):
        while outcomes["committed"] < before + 20:
            await asyncio.sleep(0.01)
    going = False
    await asyncio.gather(*tasks)
    assert await adapter.fetch_value("SELECT sum(balance) FROM accounts") == ACCOUNTS * BALANCE
    written = await adapter.fetch_value("SELECT count(*) FROM ledger")
    assert outcomes["committed"] <= written <= outcomes["committed"] + outcomes["unknown"]
    print(fault, dict(outcomes))


async def test_server_down_behind_the_pooler(bouncer, cluster, database):
    """A typed error for everybody within the acquire timeout, and service when it is back."""
    adapter = connect(
        bouncer.before(database), pooler="transaction", pool_size=6, max_overflow=0, pool_timeout=1, connect_timeout=1,
        command_timeout=1,
    )  # fmt: skip
    await adapter.run("SELECT 1", ())
    cluster.stop()
    with within(3):
        outcomes = await asyncio.gather(*[adapter.run("SELECT 1", ()) for _ in range(20)], return_exceptions=True)
    assert all(isinstance(outcome, DatabaseError) for outcome in outcomes), set(map(repr, outcomes))
    await asyncio.to_thread(cluster.start)
    with within(3):
        while True:
            try:
                await adapter.run("SELECT 1", ())
                break
            except DatabaseError:
                await asyncio.sleep(0.02)


@behind(pool_mode="transaction", max_client_conn=5)
async def test_a_pooler_that_is_full(bouncer, database):
    """max_client_conn reached: those who wait share the connections that there are."""
    adapter = connect(bouncer.before(database), pooler="transaction", pool_size=12, max_overflow=0, pool_timeout=20)
    outcomes = await asyncio.gather(
        *[adapter.run("SELECT pg_sleep(0.03)", ()) for _ in range(100)], return_exceptions=True
    )
    assert [outcome for outcome in outcomes if isinstance(outcome, BaseException)] == []
