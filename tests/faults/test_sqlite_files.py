"""SQLite's file: its process killed, the file locked, read-only, no database, replaced and removed under us."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys

import pytest

from covet.database.transaction import transaction
from covet.exceptions import DatabaseUnavailable, OperationalError
from tests.faults.conftest import ACCOUNTS, BALANCE, connect, open_accounts, pool_is_full_again, within
from tests.faults.test_sqlite import ROOT

MOVER = """
import asyncio, sys
from covet.database.connections.registry import connections
from covet.database.transaction import transaction

async def main(url):
    connections.configure({"default": url})
    adapter = connections["default"]
    number = 0
    while True:
        number += 1
        async with transaction():
            await adapter.execute("UPDATE accounts SET balance = balance - 1 WHERE id = $1", number % 4)
            await adapter.execute("UPDATE accounts SET balance = balance + 1 WHERE id = $1", 4 + number % 4)
            await adapter.execute("INSERT INTO ledger VALUES ($1, 1)", f"{sys.argv[2]}-{number}")
        print(f"{sys.argv[2]}-{number}", flush=True)

asyncio.run(main(sys.argv[1]))
"""
HOLDER = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "faults.sqlite3"


@pytest.fixture
def database(path):
    return f"sqlite:///{path}"


async def test_a_process_killed_in_the_middle_of_transactions_leaves_whole_ones(database):
    """kill -9: the sum is intact, every commit that was told is there, at most one that was not."""
    adapter = connect(database)
    await open_accounts(adapter)
    for turn in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", MOVER, database, str(turn)], stdout=subprocess.PIPE, cwd=ROOT, text=True
        )
        told = [await asyncio.to_thread(process.stdout.readline) for _ in range(50)]
        process.send_signal(signal.SIGKILL)
        told += await asyncio.to_thread(process.stdout.readlines)
        process.wait()
        process.stdout.close()
        told = [line.strip() for line in told if line.endswith("\n")]
        assert await adapter.fetch_value("SELECT sum(balance) FROM accounts") == ACCOUNTS * BALANCE
        written = {row[0] for row in await adapter.fetch("SELECT id FROM ledger WHERE id LIKE $1", f"{turn}-%")}
        assert set(told) <= written
        assert len(written) <= len(told) + 1
        await adapter.execute("INSERT INTO ledger VALUES ($1, 1)", f"ours-{turn}")


async def test_a_file_locked_by_another_process(path, database):
    """Writes wait for it as long as they may, then fail typed; reads go on; all is well when it lets go."""
    adapter = connect(database, options={"timeout": 0.3})
    await open_accounts(adapter)
    process = subprocess.Popen([sys.executable, "-c", HOLDER, path], stdout=subprocess.PIPE)
    try:
        await asyncio.to_thread(process.stdout.readline)
        for block in (False, True):
            with within(2), pytest.raises(OperationalError) as caught:
                if block:
                    async with transaction():
                        await adapter.execute("INSERT INTO ledger VALUES ('x', 1)")
                else:
                    await adapter.execute("INSERT INTO ledger VALUES ('x', 1)")
            assert caught.value.sqlstate == "55P03"
        assert await adapter.fetch_value("SELECT count(*) FROM ledger") == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    await adapter.execute("INSERT INTO ledger VALUES ('x', 1)")
    await pool_is_full_again(adapter)


@pytest.mark.parametrize("how", ["autocommit", "transaction", "returning", "batch"])
async def test_a_file_replaced_under_us(path, database, how):
    """The next write goes to the new file, and what the old one had in its journal does not come back in it."""
    adapter = connect(database, pool_size=3)
    await open_accounts(adapter)
    await adapter.execute("INSERT INTO ledger VALUES ('old', 1)")
    new = path.with_suffix(".new")
    with sqlite3.connect(new) as connection:
        connection.execute("CREATE TABLE ledger (id varchar(64) PRIMARY KEY, amount integer NOT NULL)")
        connection.execute("INSERT INTO ledger VALUES ('new', 1)")
    connection.close()
    os.replace(new, path)
    if how == "autocommit":
        await adapter.execute("INSERT INTO ledger VALUES ('after', 1)")
    elif how == "returning":
        await adapter.run_write("INSERT INTO ledger VALUES ('after', 1) RETURNING id", ())
    elif how == "batch":
        await adapter.executemany("INSERT INTO ledger VALUES ($1, $2)", [("after", 1)])
    else:
        async with transaction():
            await adapter.execute("INSERT INTO ledger VALUES ('after', 1)")
    assert {row[0] for row in await adapter.fetch("SELECT id FROM ledger")} == {"new", "after"}
    await adapter.close()
    with sqlite3.connect(path) as connection:
        assert {row[0] for row in connection.execute("SELECT id FROM ledger")} == {"new", "after"}
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


async def test_a_file_removed_under_us(path, database):
    """A write is not lost in a file that nobody can find: it meets the new, empty database."""
    adapter = connect(database)
    await open_accounts(adapter)
    for each in path.parent.iterdir():
        each.unlink()
    with pytest.raises(OperationalError, match="no such table: ledger"):
        await adapter.execute("INSERT INTO ledger VALUES ('x', 1)")


async def test_a_file_that_is_no_database(path, database):
    """A typed error, and service when there is one again."""
    path.write_bytes(b"garbage" * 1000)
    adapter = connect(database)
    for _ in range(3):
        with pytest.raises(DatabaseUnavailable, match="file is not a database"):
            await adapter.fetch_value("SELECT 1")
    path.unlink()
    assert await adapter.fetch_value("SELECT 1") == 1


async def test_a_database_that_may_only_be_read(path, database):
    """Writes fail with SQLSTATE 25006, reads go on."""
    adapter = connect(database)
    await open_accounts(adapter)
    await adapter.close()
    adapter = connect({"ENGINE": "sqlite3", "NAME": f"file:{path}?mode=ro"})
    for _ in range(3):
        with pytest.raises(OperationalError) as caught:
            await adapter.execute("INSERT INTO ledger VALUES ('x', 1)")
        assert caught.value.sqlstate == "25006"
        assert await adapter.fetch_value("SELECT count(*) FROM ledger") == 0
