"""What goes wrong inside transactions: deadlocks, serialization failures, swallowed errors, tasks that share one."""

import asyncio
import contextlib

import pytest

from covet.database.transaction import detached, on_commit, transaction
from covet.exceptions import (
    DatabaseError,
    IntegrityError,
    OperationalError,
    TransactionClosed,
    TransactionManagementError,
)
from tests.faults.conftest import connect, every_database, open_accounts, pool_is_full_again

servers = pytest.mark.parametrize(
    "database",
    [
        pytest.param("postgresql", marks=pytest.mark.postgresql),
        pytest.param("mysql", marks=pytest.mark.mysql),
    ],
    indirect=True,
)


@servers
async def test_a_deadlock_reruns_the_whole_callable(database):
    """Deadlock: `transaction(retries=n)` reruns the callable; both sides end up done."""
    adapter = connect(database)
    await open_accounts(adapter)
    runs = {"a": 0, "b": 0}
    both = asyncio.Barrier(2)

    @transaction(retries=5)
    async def work(name, first, second):
        runs[name] += 1
        await adapter.execute("UPDATE accounts SET balance = balance + 1 WHERE id = $1", first)
        if runs["a"] + runs["b"] == 2 or runs[name] == 1:
            await both.wait()
        await adapter.execute("UPDATE accounts SET balance = balance + 1 WHERE id = $1", second)

    await asyncio.gather(work("a", 1, 2), work("b", 2, 1))
    assert sum(runs.values()) == 3
    assert await adapter.fetch_value("SELECT sum(balance) FROM accounts WHERE id IN (1, 2)") == 2004


@servers
async def test_a_deadlock_without_retries_is_a_typed_error(database):
    """Deadlock: without retries one side gets OperationalError with SQLSTATE 40P01 or 40001."""
    adapter = connect(database)
    await open_accounts(adapter)
    both = asyncio.Barrier(2)

    async def work(first, second):
        async with transaction():
            await adapter.execute("UPDATE accounts SET balance = balance + 1 WHERE id = $1", first)
            await both.wait()
            await adapter.execute("UPDATE accounts SET balance = balance + 1 WHERE id = $1", second)

    outcomes = await asyncio.gather(work(1, 2), work(2, 1), return_exceptions=True)
    (error,) = [outcome for outcome in outcomes if outcome is not None]
    assert isinstance(error, OperationalError)
    assert error.sqlstate in ("40P01", "40001")
    await pool_is_full_again(adapter)


@pytest.mark.mysql
@pytest.mark.parametrize("database", ["mysql"], indirect=True)
async def test_a_swallowed_deadlock_never_turns_into_autocommit(database):
    """MySQL rolls the whole transaction back after a deadlock: what follows must not be committed by itself."""
    adapter = connect(database)
    await open_accounts(adapter)
    both = asyncio.Barrier(2)

    async def work(name, first, second):
        async with transaction():
            await adapter.execute("INSERT INTO ledger VALUES ($1, 1)", name)
            await adapter.execute("UPDATE accounts SET balance = balance + 1 WHERE id = $1", first)
            await both.wait()
            try:
                await adapter.execute("UPDATE accounts SET balance = balance + 1 WHERE id = $1", second)
            except OperationalError:
                await adapter.execute("INSERT INTO ledger VALUES ($1, 1)", name + " late")

    outcomes = await asyncio.gather(work("a", 1, 2), work("b", 2, 1), return_exceptions=True)
    assert sum(isinstance(outcome, DatabaseError) for outcome in outcomes) == 1
    assert await adapter.fetch_value("SELECT count(*) FROM ledger") == 1


@pytest.mark.postgresql
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_a_serialization_failure_at_commit_reruns_the_whole_callable(database):
    """Serialization failure, which can come at COMMIT: rerun, and both effects are there."""
    adapter = connect(database)
    await open_accounts(adapter)
    runs = []
    both = asyncio.Barrier(2)

    @transaction(retries=5, isolation="serializable")
    async def work(reads, writes):
        runs.append(writes)
        await adapter.fetch_value("SELECT sum(balance) FROM accounts WHERE id = $1", reads)
        await adapter.execute("UPDATE accounts SET balance = balance - 1 WHERE id = $1", writes)
        if len(runs) <= 2:
            await both.wait()

    await asyncio.gather(work(1, 2), work(2, 1))
    assert len(runs) == 3
    assert await adapter.fetch_value("SELECT sum(balance) FROM accounts WHERE id IN (1, 2)") == 1998


@pytest.mark.postgresql
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_only_serialization_failures_and_deadlocks_are_rerun(database):
    """Retry rules: other errors, and errors of on_commit hooks after the commit, run nothing again."""
    adapter = connect(database)
    await open_accounts(adapter)
    runs = []

    @transaction(retries=3)
    async def breaks_a_constraint():
        runs.append("constraint")
        await adapter.execute("INSERT INTO accounts VALUES (1, 1)")

    with pytest.raises(IntegrityError):
        await breaks_a_constraint()

    def late():
        error = OperationalError("could not serialize access")
        error.sqlstate = "40001"
        raise error

    @transaction(retries=3)
    async def fails_after_its_commit():
        runs.append("hook")
        await adapter.execute("INSERT INTO ledger VALUES ('once', 1)")
        on_commit(late)

    with pytest.raises(OperationalError):
        await fails_after_its_commit()
    assert runs == ["constraint", "hook"]
    assert await adapter.fetch_value("SELECT count(*) FROM ledger") == 1


@pytest.mark.postgresql
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_a_swallowed_error_makes_the_normal_exit_raise(database):
    """A database error swallowed inside a transaction: COMMIT that answers ROLLBACK is an error."""
    adapter = connect(database)
    await open_accounts(adapter)
    with pytest.raises(TransactionManagementError, match="an error inside it was swallowed") as caught:
        async with transaction():
            await adapter.execute("INSERT INTO ledger VALUES ('x', 1)")
            with contextlib.suppress(IntegrityError):
                await adapter.execute("INSERT INTO accounts VALUES (1, 1)")
    assert isinstance(caught.value.__cause__, IntegrityError)
    assert await adapter.fetch_value("SELECT count(*) FROM ledger") == 0
    await pool_is_full_again(adapter)


@every_database
async def test_an_error_behind_a_savepoint_does_not_harm_the_rest(database):
    """A database error inside a nested block: the outer block commits."""
    adapter = connect(database)
    await open_accounts(adapter)
    async with transaction():
        await adapter.execute("INSERT INTO ledger VALUES ('x', 1)")
        with pytest.raises(IntegrityError):
            async with transaction():
                await adapter.execute("INSERT INTO ledger VALUES ('y', 1)")
                await adapter.execute("INSERT INTO accounts VALUES (1, 1)")
        await adapter.execute("INSERT INTO ledger VALUES ('z', 1)")
    assert [row[0] for row in await adapter.fetch("SELECT id FROM ledger ORDER BY id")] == ["x", "z"]


@every_database
async def test_queries_of_a_gather_inside_a_transaction_take_turns(database):
    """gather inside a transaction: queries take turns, all see the transaction."""
    adapter = connect(database)
    await open_accounts(adapter)

    async def insert(number):
        await adapter.execute("INSERT INTO ledger VALUES ($1, 1)", str(number))
        return await adapter.fetch_value("SELECT count(*) FROM ledger WHERE id = $1", str(number))

    async with transaction() as tx:
        assert await asyncio.gather(*[insert(number) for number in range(20)]) == [1] * 20
        await tx.rollback()
    assert await adapter.fetch_value("SELECT count(*) FROM ledger") == 0


@every_database
async def test_the_commit_waits_for_the_queries_of_child_tasks(database):
    """A child task's query is under way when the block ends: it is part of the transaction."""
    adapter = connect(database)
    await open_accounts(adapter)
    async with transaction():
        await adapter.execute("INSERT INTO ledger VALUES ('x', 1)")
        tasks = [
            asyncio.create_task(adapter.execute("INSERT INTO ledger VALUES ($1, 1)", str(number)))
            for number in range(5)
        ]
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert await adapter.fetch_value("SELECT count(*) FROM ledger") == 6


@every_database
async def test_savepoints_from_child_tasks_are_refused(database):
    """Savepoints from child tasks: refused, for they would release each other's."""
    adapter = connect(database)
    await open_accounts(adapter)

    async def child():
        async with transaction():
            await adapter.execute("INSERT INTO ledger VALUES ('x', 1)")

    async with transaction():
        outcomes = await asyncio.gather(child(), child(), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [TransactionManagementError] * 2
    assert "can only be opened by the task that opened the transaction" in str(outcomes[0])
    assert await adapter.fetch_value("SELECT count(*) FROM ledger") == 0


@every_database
async def test_a_task_that_outlives_its_transaction_gets_an_error_never_autocommit(database):
    """A task that outlives the transaction: TransactionClosed for queries, transactions and hooks."""
    adapter = connect(database)
    await open_accounts(adapter)
    errors = []

    async def late():
        await asyncio.sleep(0.1)
        for attempt in (
            lambda: adapter.execute("INSERT INTO ledger VALUES ('x', 1)"),
            lambda: adapter.run("SELECT 1", ()),
            nested,
            hook,
        ):
            try:
                await attempt()
            except TransactionClosed as exc:
                errors.append(exc)

    async def nested():
        async with transaction():
            await adapter.execute("INSERT INTO ledger VALUES ('y', 1)")

    async def hook():
        on_commit(lambda: errors.append("never"))

    for end in ("commit", "rollback"):
        try:
            async with transaction():
                await adapter.run("SELECT 1", ())
                task = asyncio.create_task(late())
                if end == "rollback":
                    raise KeyError
        except KeyError:
            pass
        await task
    assert len(errors) == 8
    assert await adapter.fetch_value("SELECT count(*) FROM ledger") == 0


@servers
async def test_detached_work_is_outside_the_transaction(database):
    """`detached()` is for intended background work: it neither sees nor shares the transaction."""
    adapter = connect(database)
    await open_accounts(adapter)

    async def audit(key):
        async with transaction():
            await adapter.execute("INSERT INTO ledger VALUES ($1, 1)", key)

    with pytest.raises(KeyError):
        async with transaction():
            await adapter.execute("INSERT INTO ledger VALUES ('inside', 1)")
            task = detached(audit("task"))
            with detached():
                await audit("block")
            async with detached():
                assert await adapter.fetch_value("SELECT count(*) FROM ledger WHERE id = 'inside'") == 0
            assert await adapter.fetch_value("SELECT count(*) FROM ledger WHERE id = 'inside'") == 1
            await task
            raise KeyError
    assert [row[0] for row in await adapter.fetch("SELECT id FROM ledger ORDER BY id")] == ["block", "task"]


@every_database
async def test_a_child_that_is_cancelled_does_not_wedge_the_transaction(database):
    """A cancelled child task inside a transaction: its turn passes on, the block ends."""
    adapter = connect(database, pool_size=1, max_overflow=0)
    await open_accounts(adapter)

    async def many():
        for _ in range(100):
            await adapter.run("SELECT 1", ())
            await asyncio.sleep(0)

    for _ in range(5):
        try:
            async with transaction():
                tasks = [asyncio.create_task(many()) for _ in range(4)]
                await asyncio.sleep(0.005)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        except (TransactionManagementError, DatabaseError):
            # PostgreSQL may have cancelled the statement, which breaks the transaction; it says so.
            pass
    status = await pool_is_full_again(adapter)
    assert status["open"] <= 1
    assert await adapter.fetch_value("SELECT count(*) FROM ledger") == 0
