"""DDL under a running application on every database; what only PostgreSQL does is in `test_plans`."""

import asyncio

import pytest

from covet.database.orm import IntegerField, Model
from covet.database.orm.registry import Apps
from covet.database.transaction import transaction
from covet.exceptions import DatabaseError
from tests.faults.conftest import connect, every_database, fill, pool_is_full_again


@pytest.fixture
def thing():
    """A model whose table changes under it."""

    class Thing(Model):
        number = IntegerField()

        class Meta:
            app_label = "faults"
            apps = Apps()

    return Thing


async def made(adapter, thing):
    async with adapter.engine.begin() as connection:
        await connection.run_sync(thing.table.metadata.create_all, [thing.table])
    await thing.objects.bulk_create([thing(number=n) for n in range(20)])
    if adapter.limit > 1:
        await fill(adapter, 1 if adapter.vendor == "sqlite" else 4)
    # Every connection has seen every statement.
    await asyncio.gather(*[work(thing) for _ in range(16)])


async def work(thing):
    """Read, write, stream and count."""
    made = await thing.objects.create(number=-1)
    made.number = -2
    await made.save()
    assert (await thing.objects.get(pk=made.pk)).number == -2
    assert [each.number async for each in thing.objects.filter(pk=made.pk).iterator()] == [-2]
    await made.delete()


@every_database
@pytest.mark.parametrize(
    "statements",
    [
        ["ALTER TABLE faults_thing ADD COLUMN extra varchar(10) DEFAULT 'x'"],
        ["ALTER TABLE faults_thing ADD COLUMN extra integer", "ALTER TABLE faults_thing DROP COLUMN extra"],
        ["CREATE INDEX faults_number ON faults_thing (number)"],
        ["ALTER TABLE faults_thing RENAME TO moved", "ALTER TABLE moved RENAME TO faults_thing"],
    ],
    ids=["column", "two", "index", "renamed"],
)
async def test_ddl_between_requests_is_no_error(database, thing, statements):
    """DDL under a running app, outside transactions: no error on any connection."""
    adapter = connect(database, pool_size=4, max_overflow=0, pool_timeout=20)
    await made(adapter, thing)
    for statement in statements:
        await adapter.execute(statement)
    await asyncio.gather(*[work(thing) for _ in range(16)])
    assert await thing.objects.count() == 20
    await pool_is_full_again(adapter)


@every_database
async def test_ddl_under_load_gives_typed_errors_at_most_and_heals(database, thing):
    """DDL under a running app, in the middle of transactions and reads: typed errors at most, sums kept, then none."""
    adapter = connect(database, pool_size=4, max_overflow=0, pool_timeout=20)
    await made(adapter, thing)
    errors = []
    stop = asyncio.Event()

    async def load():
        while not stop.is_set():
            try:
                async with transaction():
                    await work(thing)
                await thing.objects.count()
            except DatabaseError as exc:
                errors.append(exc)
            await asyncio.sleep(0)

    tasks = [asyncio.create_task(load()) for _ in range(4)]
    for number in range(6):
        await asyncio.sleep(0.05)
        for statement in (f"ADD COLUMN c{number} integer", f"DROP COLUMN c{number}"):
            try:
                await adapter.execute(f"ALTER TABLE faults_thing {statement}")
            except DatabaseError as exc:
                errors.append(exc)
    stop.set()
    await asyncio.gather(*tasks)
    await pool_is_full_again(adapter, 5)
    for _ in range(4):
        await asyncio.gather(*[work(thing) for _ in range(4)])
    assert await thing.objects.count() == 20
    print(f"{adapter.vendor}: {len(errors)} typed errors")


@every_database
async def test_a_table_dropped_and_made_anew_is_found(database, thing):
    """DDL under a running app, DROP and CREATE: typed errors in between, none after."""
    adapter = connect(database, pool_size=4, max_overflow=0, pool_timeout=20)
    await made(adapter, thing)
    await adapter.execute("DROP TABLE faults_thing")
    outcomes = await asyncio.gather(*[work(thing) for _ in range(8)], return_exceptions=True)
    assert all(isinstance(outcome, DatabaseError) for outcome in outcomes)
    async with adapter.engine.begin() as connection:
        await connection.run_sync(thing.table.metadata.create_all, [thing.table])
    await asyncio.gather(*[work(thing) for _ in range(8)])
    await pool_is_full_again(adapter)
