"""What a migration does when it is killed, hurried, doubled or sent through a pooler."""

import asyncio
import contextlib
import signal
import sys
import time
from pathlib import Path

import pytest

from covet.database.config import DatabaseConfig
from covet.database.connections.registry import make_adapter
from covet.database.migrations.locks import BehindPooler
from covet.database.migrations.runner import Options
from covet.database.migrations.session import open_session
from tests.integration.migrations.laboratory import Laboratory, laboratory
from tests.pace import is_late

HEAD = "import asyncio\nfrom covet.database.migrations import Migration\n\n\nclass Migration(Migration):\n"


def write(lab: Laboratory, name: str, up: str, *, down: str = "pass", attributes: str = "") -> Path:
    lab.folder.mkdir(exist_ok=True)
    body = "\n".join(f"        {line}" for line in up.strip().splitlines())
    path = lab.folder / f"{name}.py"
    ups = f"    async def up(self):\n{body}\n\n"
    path.write_text(f"{HEAD}    {attributes or 'pass'}\n\n{ups}    async def down(self):\n        {down}\n")
    return path


async def start(url: str, lab: Laboratory) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.integration.migrations.apply_process",
        url,
        str(lab.folder),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )


async def read_until(process: asyncio.subprocess.Process, text: str) -> None:
    assert process.stdout is not None
    async with asyncio.timeout(120):
        while line := await process.stdout.readline():
            if text in line.decode():
                return
    assert process.stderr is not None
    raise AssertionError((await process.stderr.read()).decode())


async def kill(process: asyncio.subprocess.Process) -> None:
    process.send_signal(signal.SIGKILL)
    await process.wait()


async def finish(process: asyncio.subprocess.Process) -> str:
    out, err = await asyncio.wait_for(process.communicate(), 300)
    assert process.returncode == 0, err.decode()
    return out.decode()


SLOW = """
await self.create_table('half', id='INTEGER PRIMARY KEY')
await self.execute("INSERT INTO half (id) VALUES (1)")
self.say("midway")
await asyncio.sleep({seconds})
await self.create_table('whole', id='INTEGER PRIMARY KEY')
"""


async def test_killed_migration_leaves_everything_or_nothing(database_url: str, tmp_path: Path) -> None:
    async with laboratory(database_url, tmp_path) as lab:
        path = write(lab, "0001_slow", SLOW.format(seconds=60))
        process = await start(database_url, lab)
        await read_until(process, "midway")
        await kill(process)
        schema = await lab.schema()
        if lab.adapter.vendor == "mysql":
            # No transactional DDL there: what was done is known, and not done again.
            assert "half" in schema
        else:
            assert "half" not in schema
            assert await lab.rows("SELECT count(*) FROM covet_migrations") == [(0,)]
        path.write_text(path.read_text().replace("sleep(60)", "sleep(0)"))
        assert await lab.apply() == ["0001_slow"]
        assert {"half", "whole"} <= set(await lab.schema())
        assert await lab.rows("SELECT count(*) FROM half") == [(1,)]


async def test_interrupted_steps_are_not_done_again(database_url: str, tmp_path: Path) -> None:
    async with laboratory(database_url, tmp_path) as lab:
        if lab.adapter.vendor == "sqlite":
            pytest.skip("SQLite keeps every migration in one transaction")
        path = write(lab, "0001_steps", SLOW.format(seconds=60), attributes="atomic = False")
        process = await start(database_url, lab)
        await read_until(process, "midway")
        await kill(process)
        assert "half" in await lab.schema()
        listed = await lab.project.runner().status()
        assert [(each.is_applied, each.record.steps) for each in listed if each.record] == [(False, 2)]
        path.write_text(path.read_text().replace("sleep(60)", "sleep(0)"))
        assert await lab.apply() == ["0001_steps"]
        assert await lab.rows("SELECT count(*) FROM half") == [(1,)]


@pytest.mark.postgresql
async def test_invalid_index_of_a_killed_build_is_dropped_and_built_again(postgresql_url: str, tmp_path: Path) -> None:
    async with laboratory(postgresql_url, tmp_path) as lab:
        await lab.run(
            "CREATE TABLE big (id bigint, n integer)", "INSERT INTO big SELECT g, g FROM generate_series(1, 100) g"
        )
        write(
            lab,
            "0001_index",
            "self.say('building')\nawait self.create_index('big_n', 'big', ['n'], concurrently=True)",
            attributes="atomic = False",
        )
        async with open_session(lab.adapter) as blocker:
            await blocker.begin()
            await blocker.execute("UPDATE big SET n = n WHERE id = 1")
            process = await start(postgresql_url, lab)
            await read_until(process, "building")
            while "big_n" not in [each.name for each in (await lab.schema())["big"].indexes]:
                await asyncio.sleep(0.05)
            await kill(process)
            await lab_terminate(postgresql_url)
            await blocker.rollback()
        assert [each.is_valid for each in (await lab.schema())["big"].indexes] == [False]
        said: list[str] = []
        lab.project.say = said.append
        assert await lab.apply() == ["0001_index"]
        assert [each.is_valid for each in (await lab.schema())["big"].indexes] == [True]
        assert any("invalid" in line for line in said)


async def lab_terminate(url: str) -> None:
    """The server notices a dead client only when it next speaks to it; end its build now."""
    other = make_adapter(DatabaseConfig(url=url))
    async with open_session(other) as session:
        while await session.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY%' "
            "AND pid <> pg_backend_pid() AND datname = current_database()"
        ):
            await asyncio.sleep(0.05)
    await other.close()


@pytest.mark.postgresql
async def test_ddl_behind_a_long_query_delays_readers_by_half_a_second_at_most(
    postgresql_url: str, tmp_path: Path
) -> None:
    async with laboratory(postgresql_url, tmp_path) as lab:
        await lab.run("CREATE TABLE busy (id bigint)", "INSERT INTO busy VALUES (1)")
        write(lab, "0001_column", "await self.add_column('busy', 'n', 'INTEGER')")
        slowest = 0.0
        stop = asyncio.Event()

        async def read() -> None:
            nonlocal slowest
            while not stop.is_set():
                began = time.monotonic()
                await lab.adapter.fetch("SELECT id FROM busy")
                slowest = max(slowest, time.monotonic() - began)
                await asyncio.sleep(0.01)

        async def long_query() -> None:
            async with open_session(lab.adapter) as session:
                await session.begin()
                await session.fetch("SELECT id FROM busy")
                await asyncio.sleep(2.5)
                await session.rollback()

        blocker = asyncio.create_task(long_query())
        await asyncio.sleep(0.2)
        readers = [asyncio.create_task(read()) for _ in range(4)]
        assert await lab.apply() == ["0001_column"]
        stop.set()
        await asyncio.gather(blocker, *readers)
        assert not is_late(slowest, 0.6), slowest
        assert "n" in (await lab.schema())["busy"].columns


async def test_two_runs_at_once_apply_everything_once(database_url: str, tmp_path: Path) -> None:
    async with laboratory(database_url, tmp_path) as lab:
        for number in range(1, 5):
            write(
                lab,
                f"{number:04d}_step",
                f"await self.create_table('t{number}', id='INTEGER PRIMARY KEY')\nawait asyncio.sleep(0.1)",
            )
        processes = [await start(database_url, lab) for _ in range(2)]
        outputs = await asyncio.gather(*(finish(each) for each in processes))
        done = sorted(line for output in outputs for line in output.splitlines() if line.startswith("done"))
        assert done == [f"done {number:04d}_step" for number in range(1, 5)]
        assert [each.is_applied for each in await lab.project.runner().status()] == [True] * 4


@pytest.mark.postgresql
async def test_transaction_pooler_is_refused(
    postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with laboratory(postgresql_url, tmp_path) as lab:
        write(lab, "0001_one", "await self.create_table('one', id='INTEGER PRIMARY KEY')")
        # A pooler announces a process number of its own invention.
        monkeypatch.setattr("asyncpg.connection.Connection.get_server_pid", lambda self: 1)
        with pytest.raises(BehindPooler, match="--allow-pooler"):
            await lab.apply()
        assert "one" not in await lab.schema()


async def test_failed_migration_leaves_nothing(database_url: str, tmp_path: Path) -> None:
    async with laboratory(database_url, tmp_path) as lab:
        if lab.adapter.vendor == "mysql":
            pytest.skip("MariaDB has no transactional DDL")
        write(lab, "0001_bad", "await self.create_table('half', id='INTEGER PRIMARY KEY')\nraise ValueError('stop')")
        with contextlib.suppress(ValueError):
            await lab.apply()
        assert "half" not in await lab.schema()


async def test_long_migration_is_heard_of(database_url: str, tmp_path: Path) -> None:
    async with laboratory(database_url, tmp_path) as lab:
        said: list[str] = []
        lab.project.say = said.append
        lab.project.options = Options(tell_every=0.1)
        write(
            lab,
            "0001_fill",
            """
await self.create_table('big', id='INTEGER PRIMARY KEY', n='INTEGER')
await self.execute("INSERT INTO big (id) VALUES (1), (2), (3), (4), (5)")
await self.backfill('big', {'n': 'id'}, where='n IS NULL', batch=2)
await asyncio.sleep(0.5)
""",
        )
        assert await lab.apply() == ["0001_fill"]
        lines = [f"big: {rows} rows filled, {share} %" for rows, share in ((2, 25), (4, 75), (5, 100))]
        assert [line for line in said if line.startswith("big")] == lines
        assert any("0001_fill has been running for" in line for line in said)
