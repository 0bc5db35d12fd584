"""The pytest plugin, in a pytest of its own: the guide's tests as written, beside other plugins."""

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture
def run(pytester):
    def run(source, *arguments, project=False):
        if project:
            folder = pytester.mkpydir("config")
            (folder / "settings.py").write_text(SETTINGS)
            migrations = pytester.mkdir("migrations")
            (migrations / "0001_initial.py").write_text(MIGRATION)
        pytester.makepyfile(test_sample=source)
        return pytester.runpytest_subprocess("-p", "covet.testing.plugin", "-p", "no:randomly", "-q", *arguments)

    return run


SETTINGS = """
from covet.database import DatabaseConfig
DATABASE = DatabaseConfig(engine="sqlite", database="real.sqlite3")
SECRET_KEY = "x" * 50
"""

MIGRATION = """
from covet.database.migrations import Migration


class Migration(Migration):
    async def up(self):
        await self.create_table("sample_user", id="INTEGER PRIMARY KEY", username="VARCHAR(100) NOT NULL")

    async def down(self):
        await self.drop_table("sample_user")
"""

MODEL = """
import pytest
from covet.database.orm import Model
from covet.database.orm.fields import CharField


class User(Model):
    username = CharField(max_length=100)

    class Meta:
        app_label = "sample"
"""


def test_async_tests_and_fixtures_run_without_further_plugins(run):
    """Promise 97."""
    result = run(
        """
        import asyncio
        import contextvars
        import pytest

        order = []
        variable = contextvars.ContextVar("variable")

        @pytest.fixture
        async def plain():
            return 5

        @pytest.fixture
        async def generator(plain):
            variable.set("set in the fixture")
            async with asyncio.timeout(30):
                yield plain + 1
            await asyncio.sleep(0)
            order.append("cleaned")

        @pytest.fixture(scope="session")
        async def wide():
            yield asyncio.get_running_loop()
            order.append("session")

        @pytest.mark.asyncio
        async def test_marked(generator, wide):
            assert generator == 6
            assert variable.get() == "set in the fixture"
            assert asyncio.get_running_loop() is wide

        async def test_unmarked(wide):
            assert order == ["cleaned"]
            assert variable.get(None) is None
            assert asyncio.get_running_loop() is wide

        def test_sync_with_an_async_fixture(plain):
            assert plain == 5

        class TestMethods:
            @pytest.fixture
            async def own(self):
                self.value = 1
                yield self
                assert self.value == 2

            async def test_method(self, own):
                assert own is self
                self.value = 2

        @pytest.mark.parametrize("n", [1, 2])
        async def test_parameters(n, plain):
            assert n < plain
        """
    )
    result.assert_outcomes(passed=6)


def test_failures_are_reported_where_they_happen(run):
    result = run(
        """
        import pytest

        @pytest.fixture
        async def broken():
            raise ValueError("in the fixture")

        @pytest.fixture
        async def twice():
            yield 1
            yield 2

        async def test_fails():
            assert 1 == 2

        async def test_skips():
            pytest.skip("not today")

        @pytest.mark.xfail(raises=KeyError)
        async def test_expected():
            raise KeyError

        async def test_error(broken):
            pass

        async def test_double(twice):
            pass

        async def test_stops():
            raise StopIteration
        """
    )
    result.assert_outcomes(passed=1, failed=2, skipped=1, xfailed=1, errors=2)
    result.stdout.fnmatch_lines_random(["*assert 1 == 2*", "*in the fixture*", "*yielded more than once*"])


def test_every_test_runs_in_a_portal(run):
    result = run(
        """
        import asyncio
        import pytest
        from covet.portal import in_portal, wait

        async def later():
            await asyncio.sleep(0)
            return 7

        async def test_inside():
            assert in_portal()
            assert wait(later()) == 7
            assert await asyncio.gather(asyncio.create_task(child())) == [7]

        async def child():
            return wait(later())

        @pytest.mark.covet(portal=False)
        async def test_outside():
            assert not in_portal()
        """,
        "--strict-markers",
    )
    result.assert_outcomes(passed=2)


def test_database_work_is_rolled_back_and_the_real_database_untouched(run, pytester):
    """Promises 97, 98: the guide's fixtures, each test on a clean, migrated test database."""
    result = run(
        MODEL
        + """

@pytest.fixture
async def sample_users():
    users = []
    for i in range(10):
        users.append(await User.create(username=f"user {i}"))
    yield users
    for user in users:
        await user.delete()


@pytest.fixture
async def user():
    return await User.create(username="alice")


@pytest.mark.asyncio
async def test_user_creation(user):
    assert user.username == "alice"
    assert await User.objects.count() == 1


@pytest.mark.asyncio
async def test_count(sample_users):
    assert await User.objects.count() == 10


async def test_nothing_is_left():
    assert await User.objects.count() == 0


async def test_queries_are_counted(user, assert_num_queries):
    async with assert_num_queries(2):
        await User.objects.get(pk=user.pk)
        await User.objects.count()
    with pytest.raises(AssertionError, match="1 queries executed, 5 expected"):
        async with assert_num_queries(5):
            await User.objects.count()


@pytest.mark.django_db(transaction=True)
async def test_committed():
    await User.create(username="kept")


async def test_what_was_committed_stays_in_the_test_database():
    assert await User.objects.count() == 1
""",
        project=True,
    )
    result.assert_outcomes(passed=6)
    assert not (pytester.path / "real.sqlite3").exists()


def test_settings_are_restored(run):
    result = run(
        """
        from covet.conf import settings as real

        def test_changes(settings):
            settings.DEBUG = True
            settings.OWN_NAME = 5
            assert real.DEBUG and real.OWN_NAME == 5

        def test_restored():
            assert not real.DEBUG
            assert not hasattr(real, "OWN_NAME")
        """
    )
    result.assert_outcomes(passed=2)


def test_clients_are_closed_after_each_test(run):
    result = run(
        """
        import pytest
        from covet.app import Covet
        from covet.routing import Router
        from covet.testing import TestClient

        log = []
        app = Covet(Router(), middleware=[])
        app.get("/", lambda request: "x")
        app.on_shutdown(lambda: log.append("stopped"))

        @pytest.fixture
        async def client():
            return TestClient(app)

        async def test_one(client):
            assert (await client.get("/")).text == "x"
            assert log == []

        def test_two():
            assert log == ["stopped"]
        """
    )
    result.assert_outcomes(passed=2)


def test_tests_of_anyio_are_left_to_it(run):
    result = run(
        """
        import pytest

        """
        + """
        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        @pytest.fixture
        async def fixture(anyio_backend):
            yield 5

        @pytest.mark.anyio
        async def test_anyio(fixture):
            from covet.portal import in_portal
            assert fixture == 5
            assert not in_portal()
        """
    )
    result.assert_outcomes(passed=1)


def test_a_rival_stands_back_in_a_project_and_goes_first_elsewhere(run, pytester):
    pytester.makeconftest(
        """
        import inspect
        import pytest

        class Rival:
            @pytest.hookimpl(tryfirst=True)
            def pytest_pyfunc_call(self, pyfuncitem):
                if inspect.iscoroutinefunction(pyfuncitem.obj):
                    pytest.skip("the rival ran it")

        """
    )
    pytester.makepyfile(
        rival="""
        import inspect
        import pytest

        @pytest.hookimpl(tryfirst=True)
        def pytest_pyfunc_call(pyfuncitem):
            if inspect.iscoroutinefunction(pyfuncitem.obj):
                pytest.skip("the rival ran it")
        """,
        loader="""
        import rival

        def pytest_load_initial_conftests(early_config):
            early_config.pluginmanager.register(rival, "asyncio")
        """,
    )
    pytester.syspathinsert()
    source = "async def test_who(): pass"
    run(source, "-p", "loader").assert_outcomes(skipped=1)
    run(source, "-p", "loader", "-o", "covet_async=on").assert_outcomes(passed=1)
    run(source, "-p", "loader", project=True).assert_outcomes(passed=1)


def test_it_can_be_turned_off(run):
    result = run("async def test_nobody(): pass", "-o", "covet_async=off")
    result.assert_outcomes(failed=1)


def test_hypothesis_drives_async_tests(run):
    result = run(
        """
        from hypothesis import given, strategies as st

        @given(st.integers())
        async def test_property(n):
            assert isinstance(n, int)
        """
    )
    result.assert_outcomes(passed=1)
