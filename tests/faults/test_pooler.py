"""Behind a pooler in transaction mode."""

import asyncio

import asyncpg
import pytest

from covet.database.transaction import transaction
from tests.faults.conftest import connect, open_accounts
from tests.faults.pooler import pooler_to

pytestmark = pytest.mark.postgresql

BROKEN = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


@pytest.mark.parametrize("setting", [{"pooler": "transaction"}, {"statement_cache_size": 0}])
async def test_four_hundred_and_eighty_queries_pass_a_transaction_pooler(cluster, database, setting):
    """PgBouncer in transaction mode: either setting works, for queries and transactions alike."""
    async with pooler_to("127.0.0.1", cluster.port, size=4) as pooler:
        adapter = connect(
            database.replace(f":{cluster.port}", f":{pooler.port}"),
            pool_size=12,
            max_overflow=0,
            pool_timeout=60,
            **setting,
        )
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
            return (await adapter.run(f"SELECT $1::int, {number % 7}", (number,)))[0][0]

        outcomes = await asyncio.gather(*[query(number) for number in range(480)], return_exceptions=True)
        failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        assert failures == []
        assert outcomes == list(range(480))
        assert await adapter.fetch_value("SELECT sum(balance) FROM accounts") == 8080
        await adapter.copy_records("ledger", ["id", "amount"], [(f"c{n}", n) for n in range(10)])
        await adapter.executemany("INSERT INTO ledger VALUES ($1, $2)", [(f"m{n}", n) for n in range(10)])
        rows = [row async for rows in adapter.stream("SELECT id FROM ledger", (), chunk_size=7) for row in rows]
        assert len(rows) == 100


async def test_the_pooler_of_these_tests_breaks_prepared_statements(cluster, database):
    """The tool is a real pooler: bare asyncpg fails behind it."""
    async with pooler_to("127.0.0.1", cluster.port, size=2) as pooler:
        url = database.replace(f":{cluster.port}", f":{pooler.port}")

        async def query(connection):
            for number in range(10):
                await connection.fetch("SELECT $1::int, pg_sleep(0.001)", number)

        async def round_of_queries():
            connections = [await asyncpg.connect(url) for _ in range(6)]
            outcomes = await asyncio.gather(*map(query, connections), return_exceptions=True)
            for connection in connections:
                connection.terminate()
            return [outcome for outcome in outcomes if isinstance(outcome, BROKEN)]

        # Which session a query gets is chance: by luck each statement of a round meets the session that knows it.
        rounds = [await round_of_queries()]
        while not rounds[-1] and len(rounds) < 20:
            rounds.append(await round_of_queries())
    assert rounds[-1]
