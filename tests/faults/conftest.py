"""The private cluster, databases with accounts in them, and a runner that gives each test an event loop of its own."""

import asyncio
import contextlib
import inspect
import os
import time
from pathlib import Path

import asyncpg
import pytest

from covet.database.config import DatabaseConfig
from covet.database.connections.registry import connections, make_adapter
from covet.database.transaction import transaction
from covet.portal.runner import new_event_loop
from tests.faults.cluster import Cluster
from tests.pace import is_late
from tests.services import ServiceUnavailable, create_database, drop_database

ACCOUNTS = 8
BALANCE = 1000


def rounds(default: int, variable: str) -> int:
    """How often a test repeats its fault: a few times by default, thousands at night."""
    return int(os.environ.get(variable, default))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Run a coroutine test in a loop of its own, outside any plugin's transaction; close its pools after it."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}

    async def body():
        try:
            async with asyncio.timeout(float(os.environ.get("COVET_FAULT_TIMEOUT", 300))):
                await pyfuncitem.obj(**arguments)
        finally:
            await connections.close_all(1)
            connections.configure(None)

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(body())
    return True


@pytest.fixture(scope="session")
def private_cluster():
    """A cluster that tests may break; `cluster` mends it."""
    try:
        cluster = Cluster()
        cluster.start()
    except ServiceUnavailable as error:
        pytest.skip(str(error))
    yield cluster
    cluster.remove()


@pytest.fixture
def cluster(private_cluster):
    """The private cluster, running."""
    private_cluster.start()
    return private_cluster


@pytest.fixture(scope="session")
def postgresql_database(private_cluster):
    """The address of a database in the private cluster."""
    return create_database(private_cluster.url, "faults")


@pytest.fixture(scope="session")
def mysql_database(services):
    """The address of a database on the test run's MySQL server."""
    try:
        server = services.url("mysql")
    except ServiceUnavailable as error:
        pytest.skip(str(error))
    name = f"covet_fault_{os.getpid()}"
    yield create_database(server, name)
    drop_database(server, name)


@pytest.fixture
def database(request, tmp_path):
    """The address of an empty database of the vendor that the test names."""
    vendor = getattr(request, "param", "postgresql")
    if vendor == "sqlite":
        return f"sqlite:///{tmp_path / 'faults.sqlite3'}"
    if vendor == "postgresql":
        request.getfixturevalue("cluster")
        url = request.getfixturevalue("postgresql_database")
        patiently(empty_postgresql, url)
        return url
    url = request.getfixturevalue("mysql_database")
    patiently(create_database, url, url.rpartition("/")[2])
    return url


def empty_postgresql(url):
    """Drop what an earlier test left, its sessions first."""

    async def main():
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid();"
                "DROP SCHEMA public CASCADE; CREATE SCHEMA public"
            )
        finally:
            await connection.close()

    asyncio.run(main())


def patiently(administer, *arguments):
    """A server that a test used up or restarted needs a moment to let go of its sessions."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return administer(*arguments)
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


every_database = pytest.mark.parametrize(
    "database",
    [
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.postgresql),
        pytest.param("mysql", marks=pytest.mark.mysql),
    ],
    indirect=True,
)


def connect(url, **options):
    """The default adapter, on `url`."""
    connections.configure({"default": DatabaseConfig.of(url).replace(**options)})
    return connections["default"]


def observer(url, **options):
    """A second adapter on the same database, for looking on."""
    options = {"pool_size": 2, "max_overflow": 0, "pool_timeout": 60, **options}
    return make_adapter(DatabaseConfig.of(url).replace(**options), "observer")


async def open_accounts(adapter):
    """Accounts that hold 1000 each, and an empty ledger."""
    await adapter.execute("CREATE TABLE accounts (id integer PRIMARY KEY, balance integer NOT NULL)")
    await adapter.execute("CREATE TABLE ledger (id varchar(64) PRIMARY KEY, amount integer NOT NULL)")
    await adapter.executemany("INSERT INTO accounts VALUES ($1, $2)", [(number, BALANCE) for number in range(ACCOUNTS)])


async def fill(adapter, count):
    """Open that many connections and leave them idle."""
    all_at_once = asyncio.Barrier(count)

    async def hold():
        async with transaction(adapter.alias):
            await adapter.run("SELECT 1", ())
            await all_at_once.wait()

    await asyncio.gather(*[hold() for _ in range(count)])
    assert adapter.pool_status()["open"] == count


async def pool_is_full_again(adapter, seconds=2.0):
    """Wait until every open connection is idle; the pool's figures."""
    watch = Stopwatch()
    while True:
        status = adapter.pool_status()
        if status["idle"] == status["open"] and not status["opening"]:
            return status
        assert not is_late(watch.seconds(), seconds), status
        await asyncio.sleep(0.01)


class Stopwatch:
    """Time, less what a busy machine took: twice that in which we were ready to run and got no processor.

    Twice, for the server at the other end waits as we do. Where the system does not tell, it is plain time.
    """

    def __init__(self):
        self.started, self.held_up = time.monotonic(), _held_up()

    def seconds(self):
        """How long it ran."""
        return max(0.0, time.monotonic() - self.started - 2 * (_held_up() - self.held_up))


def _held_up():
    try:
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


@contextlib.contextmanager
def within(seconds):
    """The block takes at most `seconds`; longer on a machine that is slower than usual."""
    watch = Stopwatch()
    yield
    took = watch.seconds()
    assert not is_late(took, seconds), f"took {took:.2f} s, {seconds} s promised"
