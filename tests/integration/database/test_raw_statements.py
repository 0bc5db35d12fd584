"""`get_adapter` and its statements: the guide's placeholders, Django's, and SQLAlchemy's objects, on each database."""

from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa

from covet.database import get_adapter
from covet.database.connections.registry import connections
from covet.exceptions import ConnectionDoesNotExist

users = sa.Table(
    "house_users",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("age", sa.Integer),
    sa.Column("is_active", sa.Boolean),
)


@pytest.fixture
async def adapter(database_url) -> AsyncIterator[object]:
    connections.configure({"default": database_url})
    adapter = await get_adapter("default")
    async with adapter.engine.begin() as connection:
        await connection.run_sync(users.create)
    await adapter.executemany(
        "INSERT INTO house_users (id, age, is_active) VALUES (%s, %s, %s)", [(1, 17, True), (2, 30, True)]
    )
    yield adapter
    async with adapter.engine.begin() as connection:
        await connection.run_sync(users.drop)
    await connections.close_all()
    connections.configure(None)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE house_users SET is_active = $1 WHERE age < $2",
        "UPDATE house_users SET is_active = %s WHERE age < %s",
    ],
    ids=["numbered", "percent"],
)
async def test_both_placeholders_are_bound_not_pasted(adapter, statement):
    """Promise 66."""
    await adapter.execute(statement, [False, 18])
    rows = await adapter.fetch("SELECT id, is_active FROM house_users ORDER BY id")
    assert [(row[0], bool(row[1])) for row in rows] == [(1, False), (2, True)]


async def test_a_value_that_looks_like_sql_stays_a_value(adapter):
    """Promise 66."""
    found = await adapter.fetch_value("SELECT count(*) FROM house_users WHERE $1 = 'x'' OR 1=1 --'", ["x' OR 1=1 --"])
    assert found == 2
    assert await adapter.fetch_value("SELECT count(*) FROM house_users WHERE 'a' = $1", ["x' OR 1=1 --"]) == 0


async def test_sqlalchemy_statements_run(adapter):
    """Promise 66."""
    await adapter.execute(users.update().where(users.c.age < 18).values(age=18))
    assert await adapter.fetch_value(sa.select(sa.func.min(users.c.age))) == 18


async def test_an_unknown_alias_names_the_choices(adapter):
    with pytest.raises(ConnectionDoesNotExist, match="no database 'defualt'; choose one of: default"):
        await get_adapter("defualt")
