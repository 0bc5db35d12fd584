"""tests/services.py: the servers that the other tests rely on."""

import asyncio
import subprocess
import sys
import time

import asyncpg
import pytest
import redis

from tests.services import (
    Server,
    Services,
    ServiceUnavailable,
    create_database,
    drop_database,
    find_redis,
    is_alive,
    replace_database,
)

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.mark.postgresql
def test_a_database_is_made_and_dropped(postgresql_url):
    async def count(url: str) -> int:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        finally:
            await connection.close()

    url = create_database(postgresql_url, "covet_house_test")
    assert asyncio.run(count(url)) == 0
    drop_database(postgresql_url, "covet_house_test")
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        asyncio.run(count(url))


@pytest.mark.redis
def test_redis_answers(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        assert client.ping()


def test_a_server_is_started_once_and_stopped_when_its_controller_ends(tmp_path, monkeypatch):
    monkeypatch.delenv("COVET_TEST_REDIS_URL", raising=False)
    try:
        find_redis()
    except ServiceUnavailable as error:
        pytest.skip(str(error))
    controller = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    services = Services(tmp_path, controller.pid)
    url = services.url("redis")
    assert services.url("redis") == url
    with redis.Redis.from_url(url) as client:
        pid = client.info("server")["process_id"]
    controller.communicate(b"\n")
    deadline = time.monotonic() + 60
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(pid)


def test_a_server_somebody_else_runs_comes_first(tmp_path, monkeypatch):
    monkeypatch.setenv("COVET_TEST_DATABASE_URL", "postgresql://db.example/x")
    assert Services(tmp_path, 1).url("postgresql") == "postgresql://db.example/x"


def test_mysql_without_its_variable_says_what_to_set(tmp_path, monkeypatch):
    monkeypatch.delenv("COVET_TEST_MYSQL_URL", raising=False)
    with pytest.raises(ServiceUnavailable, match="set COVET_TEST_MYSQL_URL"):
        Services(tmp_path, 1).url("mysql")


def test_replace_database_keeps_the_rest_of_the_address():
    assert replace_database("postgresql://u:p@h:1/a?x=1", "b") == "postgresql://u:p@h:1/b?x=1"


def test_server_is_plain_data():
    assert Server("redis://x", 1, 15, "/tmp/x").url == "redis://x"
