"""Cancellation: at any await, in any number, during COMMIT."""

import asyncio
import random
import secrets
from collections import Counter

import pytest

from covet.database.transaction import on_commit, transaction
from covet.exceptions import DatabaseError, TransactionOutcomeUnknown
from tests.faults.conftest import (
    ACCOUNTS,
    BALANCE,
    Stopwatch,
    connect,
    every_database,
    observer,
    open_accounts,
    pool_is_full_again,
    rounds,
    within,
)
from tests.faults.proxy import proxy_to
from tests.pace import is_late

pytestmark = pytest.mark.postgresql


@transaction(retries=3)
async def transfer(adapter, key, known, runs):
    """Move money between two accounts and write it down; `known` hears when it is committed."""
    runs[key] += 1
    one, other = random.sample(range(ACCOUNTS), 2)
    amount = random.randint(1, 50)
    on_commit(lambda: known.add(key))
    # In any order: a deadlock now and then is part of it.
    for account, change in [(one, -amount), (other, amount)]:
        await adapter.run_dml(
            *sql(adapter, "UPDATE accounts SET balance = balance + $1 WHERE id = $2", change, account)
        )
    if random.random() < 0.3:
        async with transaction():
            await adapter.run(*sql(adapter, "SELECT balance FROM accounts WHERE id = $1", one))
    await adapter.run_dml(*sql(adapter, "INSERT INTO ledger VALUES ($1, $2)", key, amount))


def sql(adapter, text, *args):
    return adapter._arranged(text, args)


@every_database
async def test_the_sum_survives_transfers_cancelled_at_random(database):
    """Cancel at random awaits inside a transfer."""
    total = rounds(150 if not database.startswith("sqlite") else 100, "COVET_FAULT_TRANSFERS")
    adapter = connect(database, pool_size=6, max_overflow=0, pool_timeout=30)
    await open_accounts(adapter)
    known: set[str] = set()
    unknown: set[str] = set()
    refused: list[str | None] = []
    runs: Counter[str] = Counter()
    cancelled = 0

    async def one():
        nonlocal cancelled
        key = secrets.token_hex(8)
        task = asyncio.create_task(transfer(adapter, key, known, runs))
        await asyncio.sleep(random.random() * random.choice([0.001, 0.01, 0.05, 0.2]))
        # Some are let be: however slow the machine, there is something to lose.
        if random.random() < 0.95:
            task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            cancelled += 1
        except TransactionOutcomeUnknown:
            unknown.add(key)
        except DatabaseError as exc:
            refused.append(exc.sqlstate)

    limit = asyncio.Semaphore(12)

    async def in_turn():
        async with limit:
            await one()

    await asyncio.gather(*[in_turn() for _ in range(total)])
    opened = (await pool_is_full_again(adapter, 5))["opened"]
    onlooker = observer(database)
    try:
        assert await onlooker.fetch_value("SELECT sum(balance) FROM accounts") == ACCOUNTS * BALANCE
        written = {row[0] for row in await onlooker.fetch("SELECT id FROM ledger")}
        assert known <= written
        assert written - known <= unknown
        if adapter.vendor == "postgresql":
            idle = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
            assert await onlooker.fetch_value(idle) == 0
    finally:
        await onlooker.close()
    assert set(refused) <= {"40001", "40P01", "55P03"}
    assert cancelled > total / 10
    assert known
    again = runs.total() - len(runs)
    print(
        f"{adapter.vendor}: {total} transfers, {len(known)} committed, {cancelled} cancelled, {len(unknown)} unknown, "
        f"{len(refused)} refused, {again} runs again, {opened} sessions opened"
    )


async def test_a_storm_of_cancellations_opens_hardly_any_session(database):
    """Cancellation storm on the pool: at most 5% new sessions, and other work goes on."""
    storm = rounds(300, "COVET_FAULT_STORM")
    adapter = connect(database, pool_size=10, max_overflow=0)
    await asyncio.gather(*[adapter.run("SELECT pg_sleep(0.05)", ()) for _ in range(10)])
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
        task = asyncio.create_task(adapter.run("SELECT pg_sleep(1)", ()))
        await asyncio.sleep(random.random() * 0.03)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    others = asyncio.create_task(bystander())
    limit = asyncio.Semaphore(20)

    async def in_turn():
        async with limit:
            await victim()

    await asyncio.gather(*[in_turn() for _ in range(storm)])
    stormy = False
    await others
    await pool_is_full_again(adapter)
    opened = adapter.pool_status()["opened"] - before
    assert opened <= storm * 0.05
    assert not is_late(slowest, 1)
    print(f"{storm} cancels: {opened} new sessions, others waited at most {slowest * 1000:.0f} ms")


async def test_a_cancellation_during_commit_is_delivered_when_the_outcome_is_known(cluster, database):
    """Cancellation during COMMIT."""
    async with proxy_to("127.0.0.1", cluster.port) as proxy:
        adapter = connect(database.replace(f":{cluster.port}", f":{proxy.port}"))
        await open_accounts(adapter)
        proxy.delay_replies_to = (b"COMMIT", 0.3)
        committed = []

        async def work():
            async with transaction():
                await adapter.execute("INSERT INTO ledger VALUES ('x', 1)")
                on_commit(lambda: committed.append("hook"))

        task = asyncio.create_task(work())
        await asyncio.sleep(0.15)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert committed == ["hook"]
        assert await adapter.fetch_value("SELECT count(*) FROM ledger") == 1
        await pool_is_full_again(adapter)


async def test_a_commit_that_nobody_answers_does_not_hold_a_cancelled_task(cluster, database):
    """Cancellation during COMMIT, unreachable server: bounded, and the outcome is called unknown."""
    async with proxy_to("127.0.0.1", cluster.port) as proxy:
        adapter = connect(database.replace(f":{cluster.port}", f":{proxy.port}"))
        await open_accounts(adapter)
        proxy.delay_replies_to = (b"COMMIT", 5)

        async def work():
            async with transaction():
                await adapter.execute("INSERT INTO ledger VALUES ('x', 1)")

        with within(1.3), pytest.raises(TransactionOutcomeUnknown):
            await asyncio.wait_for(work(), 0.3)


async def test_a_lost_commit_reply_is_an_unknown_outcome_and_never_retried(cluster, database):
    """Commit acknowledged to nobody."""
    async with proxy_to("127.0.0.1", cluster.port) as proxy:
        adapter = connect(database.replace(f":{cluster.port}", f":{proxy.port}"))
        await open_accounts(adapter)
        runs = []
        proxy.lose_reply_to = b"COMMIT"

        @transaction(retries=3)
        async def work():
            runs.append(1)
            await adapter.execute("INSERT INTO ledger VALUES ('x', 1)")

        with pytest.raises(TransactionOutcomeUnknown) as caught:
            await work()
        proxy.lose_reply_to = None
        assert caught.value.__cause__ is not None
        assert runs == [1]
        assert await adapter.fetch_value("SELECT count(*) FROM ledger") == 1


@every_database
async def test_a_cancelled_block_rolls_back_and_gives_its_connection_back(database):
    """Cancel inside a transaction: nothing remains, and the next transaction works at once."""
    adapter = connect(database, pool_size=1, max_overflow=0)
    await open_accounts(adapter)

    async def work():
        async with transaction():
            await adapter.execute("UPDATE accounts SET balance = 0")
            await asyncio.sleep(10)

    for _ in range(5):
        task = asyncio.create_task(work())
        await asyncio.sleep(0.03)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with transaction():
            assert await adapter.fetch_value("SELECT sum(balance) FROM accounts") == ACCOUNTS * BALANCE


async def test_cancelling_a_cancelled_task_again_loses_nothing(database):
    """Double cancellation while a transaction rolls back."""
    adapter = connect(database, pool_size=2, max_overflow=0)
    await open_accounts(adapter)

    async def work():
        async with transaction():
            await adapter.execute("UPDATE accounts SET balance = 0 WHERE id = 1")
            await adapter.execute("SELECT pg_sleep(5)")

    for pause in (0.0, 0.0005, 0.002):
        for _ in range(5):
            task = asyncio.create_task(work())
            await asyncio.sleep(0.02)
            for _ in range(4):
                task.cancel()
                await asyncio.sleep(pause)
            with pytest.raises(asyncio.CancelledError):
                await task
    await pool_is_full_again(adapter)
    assert await adapter.fetch_value("SELECT sum(balance) FROM accounts") == ACCOUNTS * BALANCE
