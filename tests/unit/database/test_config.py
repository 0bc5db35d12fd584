"""DatabaseConfig: the guide's fields, URLs, Django's dictionary; validated, silent about secrets."""

import pytest

from covet.database import DatabaseConfig
from covet.exceptions import ImproperlyConfigured


def test_the_guides_fields_are_kept():
    """Promise 72."""
    config = DatabaseConfig(
        host="localhost",
        port=5432,
        database="mydb",
        user="postgres",
        password="secret",
        pool_size=20,
        max_overflow=10,
        pool_recycle=3600,
        pool_timeout=30,
    )
    assert (config.engine, config.host, config.ports, config.database) == ("postgresql", "localhost", (5432,), "mydb")
    assert (config.pool_size, config.max_overflow, config.pool_recycle, config.pool_timeout) == (20, 10, 3600, 30)
    assert config.max_connections == 30


def test_defaults_differ_by_engine():
    assert DatabaseConfig(database="x").max_connections == 30
    assert DatabaseConfig(engine="sqlite", database="x.sqlite3").max_connections == 5
    assert DatabaseConfig(engine="sqlite").is_memory
    assert DatabaseConfig(engine="sqlite").max_connections == 1
    assert DatabaseConfig(database="x").pool_timeout == 5


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:p%40ss@db:6000/shop", ("postgresql", ("db",), (6000,), "shop", "u", "p@ss")),
        ("postgres://db/shop", ("postgresql", ("db",), (5432,), "shop", "", "")),
        ("postgresql+asyncpg://u@db/shop", ("postgresql", ("db",), (5432,), "shop", "u", "")),
        ("postgresql://u@a:1,b:2/shop", ("postgresql", ("a", "b"), (1, 2), "shop", "u", "")),
        ("postgresql://u@a,b:2/shop", ("postgresql", ("a", "b"), (5432, 2), "shop", "u", "")),
        ("postgresql://[::1]:7/shop", ("postgresql", ("::1",), (7,), "shop", "", "")),
        ("postgresql:///shop?host=/run/postgresql", ("postgresql", ("/run/postgresql",), (5432,), "shop", "", "")),
        ("mysql://u@db/shop", ("mysql", ("db",), (3306,), "shop", "u", "")),
        ("mariadb://u@db:1/shop", ("mysql", ("db",), (1,), "shop", "u", "")),
        ("sqlite:///shop.sqlite3", ("sqlite", ("localhost",), (0,), "shop.sqlite3", "", "")),
        ("sqlite:////var/shop.sqlite3", ("sqlite", ("localhost",), (0,), "/var/shop.sqlite3", "", "")),
        ("sqlite://", ("sqlite", ("localhost",), (0,), ":memory:", "", "")),
    ],
)
def test_urls_are_read(url, expected):
    config = DatabaseConfig(url=url)
    assert (config.engine, config.hosts, config.ports, config.database, config.user, config.password) == expected


def test_url_options_become_fields_or_go_to_the_driver():
    config = DatabaseConfig(
        url="postgresql://db/shop?sslmode=require&pool_size=3&statement_timeout=2.5&atomic_requests=true&foo=bar"
    )
    assert (config.ssl, config.pool_size, config.statement_timeout, config.atomic_requests) == ("require", 3, 2.5, True)
    assert config.options == {"foo": "bar"}


def test_arguments_override_the_url():
    config = DatabaseConfig(url="postgresql://u@db/shop?pool_size=3", database="other", pool_size=4)
    assert (config.database, config.pool_size, config.user) == ("other", 4, "u")


def test_replacing_a_field_of_a_url_config_keeps_the_others():
    config = DatabaseConfig(url="postgresql://u:p@db:1/shop").replace(database="other")
    assert (config.host, config.port, config.user, config.password, config.database) == ("db", "1", "u", "p", "other")


def test_the_environment_variable_is_read(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://db/shop")
    assert DatabaseConfig.from_environment().database == "shop"
    monkeypatch.delenv("DATABASE_URL")
    with pytest.raises(ImproperlyConfigured, match="the environment variable DATABASE_URL is not set"):
        DatabaseConfig.from_environment()


def test_djangos_dictionary_is_read():
    config = DatabaseConfig.of(
        {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "shop",
            "USER": "u",
            "PASSWORD": "p",
            "HOST": "",
            "PORT": "",
            "CONN_MAX_AGE": 0,
            "CONN_HEALTH_CHECKS": True,
            "ATOMIC_REQUESTS": True,
            "OPTIONS": {"sslmode": "verify-full", "pool": {"max_size": 8, "timeout": 3}},
            "TEST": {"NAME": "t"},
        }
    )
    assert (config.engine, config.database, config.ssl, config.pool_size, config.max_overflow) == (
        "postgresql",
        "shop",
        "verify-full",
        8,
        0,
    )
    assert (config.pool_timeout, config.pool_recycle, config.atomic_requests) == (3, None, True)


def test_djangos_sqlite_is_read(tmp_path):
    config = DatabaseConfig.of({"ENGINE": "django.db.backends.sqlite3", "NAME": tmp_path / "db.sqlite3"})
    assert (config.engine, config.database) == ("sqlite", str(tmp_path / "db.sqlite3"))


def test_our_keywords_may_stand_in_djangos_dictionary():
    assert DatabaseConfig.of({"ENGINE": "postgresql", "NAME": "x", "pool_size": 3, "POOL_TIMEOUT": 2}).pool_size == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"database": "x", "engine": "oracle"},
            "no database engine 'oracle'; choose one of: mysql, postgresql, sqlite",
        ),
        ({}, "DatabaseConfig needs `database`, the name of the postgresql database"),
        ({"database": "x", "pool_size": 0}, "pool_size must be a whole number of at least 1, not 0"),
        ({"database": "x", "pool_size": "5"}, "pool_size must be a whole number of at least 1, not '5'"),
        ({"database": "x", "pool_size": True}, "pool_size must be a whole number of at least 1, not True"),
        ({"database": "x", "pool_timeout": 0}, "pool_timeout must be a number of seconds of at least 0.001, not 0"),
        ({"database": "x", "port": 70000}, "port must be a number from 1 to 65535, not 70000"),
        ({"database": "x", "port": "a"}, "port must be a number from 1 to 65535, not 'a'"),
        ({"database": "x", "host": "a,b,c", "port": "1,2"}, "2 ports for 3 hosts; give one, or one for each"),
        ({"database": "x", "ssl": "yes"}, "ssl cannot be 'yes'; choose one of: "),
        ({"database": "x", "pooler": "statement"}, "pooler cannot be 'statement'; choose one of: session, transaction"),
        (
            {"database": "x", "target_session_attrs": "prim"},
            "target_session_attrs cannot be 'prim'; choose one of: primary",
        ),
    ],
)
def test_what_is_wrong_is_named_with_the_choices(arguments, message):
    with pytest.raises(ImproperlyConfigured) as caught:
        DatabaseConfig(**arguments)
    assert str(caught.value).startswith(message)


def test_an_unknown_setting_of_djangos_dictionary_is_named():
    with pytest.raises(ImproperlyConfigured, match="unknown database setting 'POOLSIZE'; choose one of: POOL_SIZE"):
        DatabaseConfig.of({"ENGINE": "postgresql", "NAME": "x", "POOLSIZE": 5})


@pytest.mark.parametrize("value", [None, 5, ["x"]])
def test_what_is_no_database_is_refused(value):
    with pytest.raises(ImproperlyConfigured, match="a database is a DatabaseConfig, a dict or a URL"):
        DatabaseConfig.of(value)


def test_secrets_never_show():
    config = DatabaseConfig(url="postgresql://user:hunter2@db/shop", options={"sslpassword": "hunter3"}, pool_size=7)
    shown = repr(config) + str(config) + config.safe_url
    assert "hunter" not in shown
    assert repr(config) == (
        "DatabaseConfig(host='db', database='shop', user='user', pool_size=7, max_overflow=10, "
        "password='********', options=<sslpassword>)"
    )
    assert config.safe_url == "postgresql://user:********@db:5432/shop"


def test_a_pooler_and_an_empty_statement_cache_imply_each_other():
    assert DatabaseConfig(database="x", pooler="transaction").statement_cache_size == 0
    assert DatabaseConfig(database="x", statement_cache_size=0).pooler == "transaction"
    assert DatabaseConfig(database="x", pooler="session").statement_cache_size == 512
