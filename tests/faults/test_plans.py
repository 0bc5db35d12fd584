"""DDL under a running application: plans and parameter types that were prepared before it."""

import asyncio

import pytest

from covet.database.transaction import transaction
from covet.exceptions import DatabaseError, DataError, OperationalError, ProgrammingError
from tests.faults.conftest import connect, fill, observer

pytestmark = pytest.mark.postgresql

READ = "SELECT id, value FROM things WHERE id = $1"
INSERT = "INSERT INTO things (value) VALUES ($1) RETURNING id, value"


async def things(database, **options):
    """A table, and four connections that have everything prepared."""
    adapter = connect(database, pool_size=4, max_overflow=0, **options)
    await adapter.execute("CREATE TABLE things (id serial PRIMARY KEY, value integer NOT NULL)")
    await adapter.execute("INSERT INTO things (value) SELECT n FROM generate_series(1, 100) n")
    all_at_once = asyncio.Barrier(4)
    await asyncio.gather(*[everything(adapter, all_at_once) for _ in range(4)])
    assert adapter.pool_status()["open"] == 4
    return adapter


async def everything(adapter, all_at_once):
    async with transaction() as tx:
        await adapter.run(READ, (1,))
        await adapter.run_write(INSERT, (1,))
        await all_at_once.wait()
        await tx.rollback()


async def on_every_connection(call):
    """Four calls at a time, so that each connection is used."""
    return await asyncio.gather(*[call() for _ in range(40)])


async def test_a_changed_result_type_is_no_error_outside_a_transaction(database):
    """DDL under a running app, result type: reads and writes go on without an error."""
    adapter = await things(database)
    await adapter.execute("ALTER TABLE things ALTER COLUMN value TYPE bigint")
    rows = await on_every_connection(lambda: adapter.run(READ, (2,)))
    assert {tuple(row[0]) for row in rows} == {(2, 2)}
    rows = await on_every_connection(lambda: adapter.run_write(INSERT, (700,)))
    assert len({row[0][0] for row in rows}) == 40
    assert await adapter.fetch_value("SELECT count(*) FROM things WHERE value = 700") == 40


async def test_a_widened_parameter_type_takes_values_that_fit_it_now(database):
    """DDL under a running app, parameter type int to bigint: no error outside a transaction."""
    adapter = await things(database)
    await adapter.execute("ALTER TABLE things ALTER COLUMN value TYPE bigint")
    rows = await on_every_connection(lambda: adapter.run_write(INSERT, (2**40,)))
    assert {row[0][1] for row in rows} == {2**40}


async def test_a_parameter_type_of_another_kind_is_prepared_anew(database):
    """DDL under a running app, parameter type int to text: the new type's values are taken."""
    adapter = await things(database)
    await adapter.execute("ALTER TABLE things ALTER COLUMN value TYPE text")
    rows = await on_every_connection(lambda: adapter.run_write(INSERT, ("word",)))
    assert {row[0][1] for row in rows} == {"word"}


async def test_an_added_and_a_dropped_column_do_not_disturb_explicit_columns(database):
    """DDL under a running app, other columns."""
    adapter = await things(database)
    await adapter.execute("ALTER TABLE things ADD COLUMN extra text DEFAULT 'x'")
    assert len(await on_every_connection(lambda: adapter.run(READ, (2,)))) == 40
    await adapter.execute("ALTER TABLE things DROP COLUMN extra")
    assert len(await on_every_connection(lambda: adapter.run(READ, (2,)))) == 40


async def test_a_table_made_anew_is_found(database):
    """DDL under a running app, DROP and CREATE."""
    adapter = await things(database)
    await adapter.execute("DROP TABLE things")
    with pytest.raises(ProgrammingError, match="does not exist"):
        await adapter.run(READ, (2,))
    await adapter.execute("CREATE TABLE things (id bigint PRIMARY KEY, value text NOT NULL)")
    await adapter.execute("INSERT INTO things VALUES (2, 'two')")
    rows = await on_every_connection(lambda: adapter.run(READ, (2,)))
    assert {tuple(row[0]) for row in rows} == {(2, "two")}


async def test_an_enum_made_anew_is_decoded(database):
    """DDL under a running app, a user-defined type replaced."""
    adapter = connect(database, pool_size=2, max_overflow=0)
    await adapter.execute("CREATE TYPE mood AS (a integer, b text); CREATE TABLE moods (m mood)")
    await adapter.execute("INSERT INTO moods VALUES (row(1, 'x'))")
    read = "SELECT m FROM moods"
    assert tuple((await adapter.run(read, ()))[0][0]) == (1, "x")
    await adapter.execute("ALTER TYPE mood ADD ATTRIBUTE c integer")
    rows = await asyncio.gather(*[adapter.run(read, ()) for _ in range(10)])
    assert {tuple(row[0][0]) for row in rows} == {(1, "x", None)}


async def test_a_schema_made_anew_takes_writes_of_its_types(database):
    """A restore: types have other numbers, and statements that name the old ones are prepared anew."""
    adapter = connect(database, pool_size=4, max_overflow=0)
    schema = "CREATE TYPE mood AS ENUM ('a', 'b'); CREATE TABLE feelings (id int, now mood, before mood[])"
    insert = "INSERT INTO feelings VALUES ($1, $2, $3)"
    await adapter.execute(schema)
    await fill(adapter, 4)
    all_of_them = asyncio.Barrier(4)

    async def write_once():
        async with transaction():
            await all_of_them.wait()
            await adapter.run_dml(insert, (1, "a", ["a", "b"]))
            await all_of_them.wait()

    await asyncio.gather(*[write_once() for _ in range(4)])
    onlooker = observer(database)
    try:
        await onlooker.execute(f"DROP SCHEMA public CASCADE; CREATE SCHEMA public; {schema}")
        outcomes = await asyncio.gather(*[adapter.run_dml(insert, (n, "b", ["b"])) for n in range(20)])
        assert outcomes == [1] * 20
        async with transaction():
            await adapter.run_dml(insert, (1, "a", ["a"]))
        await onlooker.execute(f"DROP SCHEMA public CASCADE; CREATE SCHEMA public; {schema}")
        with pytest.raises(OperationalError, match="cache lookup failed for type") as caught:
            async with transaction():
                await adapter.run_dml(insert, (1, "a", ["a"]))
        assert caught.value.sqlstate == "XX000"
        async with transaction():
            await adapter.run_dml(insert, (1, "a", ["a"]))
        assert await adapter.fetch_value("SELECT count(*) FROM feelings") == 1
    finally:
        await onlooker.close()


async def test_inside_a_transaction_it_is_one_typed_error_and_the_next_run_succeeds(database):
    """DDL under a running app, inside a transaction: one typed error, then all is well on every connection."""
    adapter = await things(database)
    await adapter.execute("ALTER TABLE things ALTER COLUMN value TYPE bigint")
    errors = []

    async def work():
        async with transaction():
            return await adapter.run(READ, (2,))

    for _ in range(8):
        try:
            await work()
        except DatabaseError as exc:
            errors.append(exc)
    assert len(errors) == 1
    assert errors[0].sqlstate == "0A000"
    rows = await asyncio.gather(*[work() for _ in range(20)])
    assert {tuple(row[0]) for row in rows} == {(2, 2)}


@pytest.mark.parametrize("command", ["DEALLOCATE ALL", "DISCARD ALL"])
async def test_statements_dropped_on_the_server_are_prepared_again(database, command):
    """26000: a pooler or somebody's SQL dropped the prepared statements."""
    adapter = await things(database)
    gone = [adapter.leases().idle[n].raw.execute(command) for n in range(4)]
    await asyncio.gather(*gone)
    assert len(await on_every_connection(lambda: adapter.run(READ, (2,)))) == 40


async def test_a_value_that_never_fits_is_a_data_error_and_spoils_nothing(database):
    """An encode DataError whose type did not change: typed, and the other statements stay prepared."""
    adapter = await things(database)
    held = adapter.leases().idle[-1]
    kept = held.statements[READ]
    with pytest.raises(DataError):
        await adapter.run_write(INSERT, (2**70,))
    with pytest.raises(DataError):
        await adapter.run_write(INSERT, ("not a number",))
    assert held.statements[READ] is kept
    assert (await adapter.run(READ, (2,)))[0][0] == 2


async def test_more_statements_than_are_kept_still_work(database):
    """The statement cache is bounded, on the server too."""
    adapter = connect(database, pool_size=1, max_overflow=0, statement_cache_size=20)
    for number in range(100):
        assert (await adapter.run(f"SELECT {number}", ()))[0][0] == number
    assert (await adapter.run("SELECT 5", ()))[0][0] == 5
    prepared = await adapter.fetch_value("SELECT count(*) FROM pg_prepared_statements")
    assert prepared <= 25
