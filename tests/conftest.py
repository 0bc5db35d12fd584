"""Fixtures every test may use: real servers, a database of its own for each worker, and which speedups are loaded."""

import asyncio
import contextlib
import importlib.util
import inspect
import os
import secrets
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.isolation import Isolation
from tests.leftovers import Sweeper
from tests.services import Services, ServiceUnavailable, create_database, drop_database

pytest_plugins = ["covet.testing.plugin"] if importlib.util.find_spec("covet.testing.plugin") else []

if not pytest_plugins:

    def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
        """Runs async tests until the testing floor brings its plugin."""
        if not inspect.iscoroutinefunction(pyfuncitem.obj):
            return None
        names = pyfuncitem._fixtureinfo.argnames
        asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
        return True


# The same examples in each run: one that found something new must not turn an unrelated change red. To look for new
# ones, `--hypothesis-profile=default`. A loaded machine is slow, not wrong.
hypothesis.settings.register_profile(
    "covet", derandomize=True, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("covet")


def pytest_configure(config: pytest.Config) -> None:
    """The controller's process id names the run's shared folder; workers inherit it through the environment."""
    if not hasattr(config, "workerinput"):
        os.environ["COVET_TEST_CONTROLLER"] = str(os.getpid())


def pytest_unconfigure(config: pytest.Config) -> None:
    """The guardians stop the servers; what they were found by goes here."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(_run_folder(), ignore_errors=True)


def _run_folder() -> Path:
    return Path(tempfile.gettempdir(), f"covet-tests-{os.getuid()}-{os.environ['COVET_TEST_CONTROLLER']}")


@pytest.fixture(autouse=True)
def isolation() -> Iterator[None]:
    """The process is after each test what it was before; a test that leaves it otherwise is told of.

    With COVET_STRICT_ISOLATION=1 such a test fails.
    """
    process = Isolation()
    yield
    problems = process.restore()
    if problems:
        message = "this test leaves behind:\n  " + "\n  ".join(problems)
        if os.environ.get("COVET_STRICT_ISOLATION") == "1":
            pytest.fail(message, pytrace=False)
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn(message, stacklevel=1)


@pytest.fixture(scope="session")
def services() -> Services:
    """The private servers of this run."""
    return Services(_run_folder(), int(os.environ["COVET_TEST_CONTROLLER"]))


def _service_url(services: Services, name: str) -> str:
    try:
        return services.url(name)
    except ServiceUnavailable as error:
        pytest.skip(str(error))


def _own_database(url: str) -> Iterator[str]:
    name = f"covet_test_{os.getpid()}_{secrets.token_hex(4)}"
    yield create_database(url, name)
    drop_database(url, name)


@pytest.fixture(scope="session")
def postgresql_sweeper(services: Services) -> Iterator[Sweeper]:
    """What empties this worker's PostgreSQL database."""
    yield from _sweeper(services, "postgresql")


@pytest.fixture(scope="session")
def mysql_sweeper(services: Services) -> Iterator[Sweeper]:
    """What empties this worker's MySQL or MariaDB database."""
    yield from _sweeper(services, "mysql")


def _sweeper(services: Services, name: str) -> Iterator[Sweeper]:
    for url in _own_database(_service_url(services, name)):
        with contextlib.closing(Sweeper(url)) as sweeper:
            yield sweeper


@pytest.fixture
def postgresql_url(postgresql_sweeper: Sweeper) -> Iterator[str]:
    """The address of a PostgreSQL database that belongs to this worker, empty before each test."""
    yield postgresql_sweeper.url
    postgresql_sweeper.sweep()


@pytest.fixture
def mysql_url(mysql_sweeper: Sweeper) -> Iterator[str]:
    """The address of a MySQL or MariaDB database that belongs to this worker, empty before each test."""
    yield mysql_sweeper.url
    mysql_sweeper.sweep()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The address of an SQLite database that does not exist yet."""
    return f"sqlite:///{tmp_path / 'test.sqlite3'}"


@pytest.fixture(scope="session")
def redis_url(services: Services) -> str:
    """The address of a Redis database number that belongs to this worker."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return f"{_service_url(services, 'redis')}/{int(worker) % 16}"


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.postgresql),
        pytest.param("mysql", marks=pytest.mark.mysql),
    ]
)
def database_url(request: pytest.FixtureRequest) -> str:
    """Each database in turn, empty."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url
