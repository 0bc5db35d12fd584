"""The pytest plugin that ships with CovetPy: async tests and fixtures as the guide writes them, each rolled back.

It runs `async def` tests and fixtures (coroutines and generators, `@pytest.mark.asyncio` or not) on one event loop,
inside a portal, and undoes every test's database work. A project's databases are replaced by test databases. Tests
that anyio runs are left to it; pytest-asyncio stands back in a CovetPy project and goes before us in any other.
"""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from covet.conf import settings
from covet.conf.override import override_settings

if TYPE_CHECKING:
    from covet.testing.databases import TestDatabases
    from covet.testing.queries import assert_num_queries as counting
    from covet.testing.stage import Stage, Theatre

STAGE = pytest.StashKey["Stage"]()
THEATRE = pytest.StashKey["Theatre"]()
DATABASES = pytest.StashKey["TestDatabases | None"]()
ACTIVE = pytest.StashKey[bool]()
RIVAL = "asyncio"
MARKERS = (
    "asyncio: an async test; CovetPy's plugin runs async tests with and without it",
    "covet(transaction=True, portal=True): how an async test runs: rolled back, and inside a portal",
    "django_db(transaction=False, databases=None, **options): accepted from Django's tests; with transaction=True the "
    "test's database work is not wrapped",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options."""
    group = parser.getgroup("covet")
    group.addoption("--reuse-db", action="store_true", dest="covet_reuse_db", help="keep and reuse test databases")
    group.addoption("--no-test-db", action="store_true", dest="covet_no_db", help="use the databases as configured")
    parser.addini(
        "covet_async",
        "who runs async tests: auto (CovetPy, unless pytest-asyncio is there and this is no CovetPy project), on, off",
        default="auto",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Registers the markers, and decides who runs async tests."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    config.stash[ACTIVE] = _decide(config)


def _decide(config: pytest.Config) -> bool:
    choice = config.getini("covet_async")
    if choice not in {"auto", "on", "off"}:
        raise pytest.UsageError(f"covet_async must be auto, on or off, not {choice!r}")
    rival = config.pluginmanager.get_plugin(RIVAL)
    if choice == "off" or (choice == "auto" and rival is not None and not _is_project(config)):
        return False
    if rival is not None:
        config.pluginmanager.unregister(rival)
    return True


def _is_project(config: pytest.Config) -> bool:
    return (config.rootpath / "config" / "settings.py").is_file() or settings.is_configured


def pytest_unconfigure(config: pytest.Config) -> None:
    """Closes the loop and drops the test databases."""
    theatre = config.stash.get(THEATRE, None)
    if theatre is None:
        return
    databases = config.stash.get(DATABASES, None)
    if databases is not None:
        theatre.session.run(databases.drop(), in_portal=False)
    theatre.close()


# Stages


def _theatre(config: pytest.Config) -> Theatre:
    """The session's loop; what it needs of the house is imported by the first async test, not by every pytest."""
    found = config.stash.get(THEATRE, None)
    if found is None:
        module = importlib.import_module("covet.testing.stage")
        found = config.stash[THEATRE] = module.Theatre()
    return found


def _stage(item: pytest.Item) -> Stage:
    """The stage of a test, with its transactions open."""
    found = item.stash.get(STAGE, None)
    if found is None:
        theatre = _theatre(item.config)
        _ensure_databases(item.config, theatre)
        found = item.stash[STAGE] = theatre.stage()
        if _option(item, "transaction", default=True):
            found.begin()
    return found


def _ensure_databases(config: pytest.Config, theatre: Theatre) -> None:
    if DATABASES in config.stash:
        return
    config.stash[DATABASES] = None
    module = importlib.import_module("covet.testing.databases")
    if config.getoption("covet_no_db") or not module.is_wanted():
        return
    databases: TestDatabases = module.TestDatabases(reuse=config.getoption("covet_reuse_db"))
    theatre.session.run(databases.create(), in_portal=False)
    config.stash[DATABASES] = databases


def _option(item: pytest.Item, name: str, *, default: bool) -> bool:
    marker = item.get_closest_marker("covet")
    if marker is not None and name in marker.kwargs:
        return bool(marker.kwargs[name])
    django = item.get_closest_marker("django_db")
    if name == "transaction" and django is not None and django.kwargs.get("transaction"):
        return False
    return default


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Ends the test's stage after its fixtures."""
    try:
        return (yield)
    finally:
        stage = item.stash.get(STAGE, None)
        if stage is not None:
            del item.stash[STAGE]
            stage.finish()


# Tests


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Runs an async test."""
    if not pyfuncitem.config.stash[ACTIVE] or _belongs_to_anyio(pyfuncitem):
        return None
    function = pyfuncitem.obj
    inner = getattr(getattr(function, "hypothesis", None), "inner_test", None)
    if inner is not None and inspect.iscoroutinefunction(inner):
        _stage(pyfuncitem)  # now, not within the deadline of the first example
        function.hypothesis.inner_test = _sync_test(inner, pyfuncitem)
        return None
    if not inspect.iscoroutinefunction(function):
        return None
    names = pyfuncitem._fixtureinfo.argnames  # noqa: SLF001 - what pytest's own hook passes
    _sync_test(function, pyfuncitem)(**{name: pyfuncitem.funcargs[name] for name in names})
    return True


def _sync_test(function: Callable[..., Any], item: pytest.Function) -> Callable[..., None]:
    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        __tracebackhide__ = True
        _stage(item).run(function(*args, **kwargs), in_portal=_option(item, "portal", default=True))

    return run


def _belongs_to_anyio(item: pytest.Function) -> bool:
    return item.get_closest_marker("anyio") is not None or "anyio_backend" in item.fixturenames


# Fixtures


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: Any, request: Any) -> Iterator[None]:
    """Runs an async fixture: for a function's scope in the test's stage, for wider ones in the session's."""
    function = fixturedef.func
    is_generator = inspect.isasyncgenfunction(function)
    mine = request.config.stash[ACTIVE] and "anyio_backend" not in request.fixturenames
    if not mine or not (is_generator or inspect.iscoroutinefunction(function)):
        return (yield)
    fixturedef.func = _sync_generator(function, request) if is_generator else _sync_fixture(function, request)
    try:
        return (yield)
    finally:
        fixturedef.func = function


def _stage_for(request: Any) -> Stage:
    if request.scope == "function":
        return _stage(request.node)
    theatre = _theatre(request.config)
    _ensure_databases(request.config, theatre)
    return theatre.session


def _bound(function: Callable[..., Any], request: Any) -> Callable[..., Any]:
    """The fixture as a method of the test's own instance, where it is one."""
    if (
        request.instance is not None
        and inspect.ismethod(function)
        and type(function.__self__) is type(request.instance)
    ):
        return function.__func__.__get__(request.instance)  # type: ignore[no-any-return]
    return function


def _sync_fixture(function: Callable[..., Any], request: Any) -> Callable[..., Any]:
    def fixture(**kwargs: Any) -> Any:
        return _stage_for(request).run(_bound(function, request)(**kwargs))

    return fixture


def _sync_generator(function: Callable[..., Any], request: Any) -> Callable[..., Any]:
    def fixture(**kwargs: Any) -> Generator[Any, None, None]:
        stage = _stage_for(request)
        generator: AsyncGenerator[Any, None] = _bound(function, request)(**kwargs)
        yield stage.run(_first(generator, request.fixturename))
        stage.run(_last(generator, request.fixturename))

    return fixture


async def _first(generator: AsyncGenerator[Any, None], name: str) -> Any:
    try:
        return await anext(generator)
    except StopAsyncIteration:
        raise ValueError(f"the async fixture {name!r} did not yield a value") from None


async def _last(generator: AsyncGenerator[Any, None], name: str) -> None:
    try:
        await anext(generator)
    except StopAsyncIteration:
        return
    await generator.aclose()
    pytest.fail(f"the async fixture {name!r} yielded more than once", pytrace=False)


# Fixtures for everybody


@pytest.fixture(name="assert_num_queries")
def assert_num_queries_fixture() -> type[counting]:
    """`async with assert_num_queries(2): ...`."""
    return _counting()


@pytest.fixture
def django_assert_num_queries() -> type[counting]:
    """`assert_num_queries` under pytest-django's name."""
    return _counting()


def _counting() -> type[counting]:
    found: type[counting] = importlib.import_module("covet.testing.queries").assert_num_queries
    return found


class _SettingsFixture:
    """Settings for one test: assigning changes them until its end."""

    def __init__(self) -> None:
        object.__setattr__(self, "_overrides", [])

    def __getattr__(self, name: str) -> Any:
        return getattr(settings, name)

    def __setattr__(self, name: str, value: Any) -> None:
        override = override_settings(**{name: value})
        override.enable()
        self._overrides.append(override)

    def restore(self) -> None:
        """Take every change back."""
        while self._overrides:
            self._overrides.pop().disable()


@pytest.fixture(name="settings")
def settings_fixture() -> Iterator[_SettingsFixture]:
    """The settings; what a test assigns is taken back after it."""
    changed = _SettingsFixture()
    yield changed
    changed.restore()
