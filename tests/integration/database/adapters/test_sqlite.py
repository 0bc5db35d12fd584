"""What only SQLite has: functions in Python, pragmas, scripts."""

import pytest

from covet.database.adapters.sqlite import functions
from covet.database.adapters.sqlite.functions import register_aggregate, register_function
from covet.database.connections.registry import make_adapter
from covet.exceptions import DataError, ImproperlyConfigured


@pytest.fixture
def adapter(sqlite_url):
    return sqlite_url


@pytest.fixture
def registered(monkeypatch):
    """What the test registers stays with it."""
    for name in ("_functions", "_aggregates"):
        monkeypatch.setattr(functions, name, getattr(functions, name).copy())


async def test_functions_reach_open_and_new_connections(adapter, registered):
    await adapter.run("SELECT 1", ())
    register_function("covet_test_twice", 1, lambda value: value * 2)

    class Longest:
        def __init__(self):
            self.longest = ""

        def step(self, value):
            self.longest = max(self.longest, value, key=len)

        def finalize(self):
            return self.longest

    register_aggregate("covet_test_longest", 1, Longest)
    assert await adapter.fetch_value("SELECT covet_test_twice(21)") == 42
    await adapter.execute("INSERT INTO reporter (name) VALUES ('Tintin'), ('Castafiore')")
    assert await adapter.fetch_value("SELECT covet_test_longest(name) FROM reporter") == "Castafiore"


async def test_regexp_is_there(adapter):
    assert await adapter.fetch_value("SELECT 'Tintin' REGEXP '^T.*n$'") == 1
    assert await adapter.fetch_value("SELECT NULL REGEXP 'x'") is None


async def test_a_deterministic_function_may_serve_an_index(adapter, registered):
    register_function("covet_test_upper", 1, lambda value: value and value.upper())
    await adapter.execute("CREATE INDEX by_upper ON reporter (covet_test_upper(name))")


async def test_scripts_run_statement_by_statement(adapter):
    await adapter.execute("CREATE TABLE a (x text); INSERT INTO a VALUES ('a;b'); CREATE TABLE b (x text)")
    assert await adapter.fetch_value("SELECT x FROM a") == "a;b"


async def test_values_that_do_not_fit_are_data_errors(adapter):
    for value in (2**63, "\ud800"):
        with pytest.raises(DataError):
            await adapter.fetch("SELECT $1", value)


async def test_djangos_options_are_understood(tmp_path):
    adapter = make_adapter(
        {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": tmp_path / "x.sqlite3",
            "OPTIONS": {"timeout": 7, "init_command": "PRAGMA cache_size=77;", "transaction_mode": "EXCLUSIVE"},
        }
    )
    assert adapter.busy_timeout == 7
    assert adapter.begin_sql(isolation=None, readonly=False, deferrable=False) == ("BEGIN EXCLUSIVE",)
    assert await adapter.fetch_value("PRAGMA cache_size") == 77
    await adapter.close()
    with pytest.raises(ImproperlyConfigured, match="transaction_mode cannot be 'LATER'; choose one of"):
        make_adapter({"ENGINE": "sqlite3", "NAME": "x", "OPTIONS": {"transaction_mode": "later"}})
