"""LISTEN and NOTIFY through terminated sessions, restarts and shutdown."""

import asyncio

import pytest

from covet.database.transaction import transaction
from tests.faults.conftest import Stopwatch, connect, observer, within
from tests.pace import is_late

pytestmark = pytest.mark.postgresql

ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'covet'"


async def hears(adapter, heard, word, seconds=5.0):
    """Notify until it is heard: a listener that lost its session hears nothing in between."""
    watch = Stopwatch()
    while word not in heard:
        assert not is_late(watch.seconds(), seconds), heard
        await adapter.notify("news", word)
        await asyncio.sleep(0.05)


async def test_a_listener_that_was_terminated_comes_back(database):
    """Terminated during listen: it reconnects by itself; notifications of a rolled back block never come."""
    adapter = connect(database, pool_size=2, max_overflow=0)
    onlooker = observer(database, application_name="onlooker")
    heard = []
    stop = await adapter.listen("news", heard.append)
    await hears(adapter, heard, "first")
    await onlooker.fetch(ALL)
    await hears(onlooker, heard, "second")
    with pytest.raises(KeyError):
        async with transaction():
            await adapter.notify("news", "never")
            raise KeyError
    await hears(adapter, heard, "third")
    assert "never" not in heard
    with within(1):
        await stop()
    await onlooker.close()


async def test_a_listener_survives_a_restart(cluster, database):
    """Cluster restarted under a listener: it is back within 2 s."""
    adapter = connect(database, pool_size=2, max_overflow=0)
    heard = []
    stop = await adapter.listen("news", heard.append)
    await hears(adapter, heard, "first")
    await asyncio.to_thread(cluster.stop)
    await asyncio.sleep(0.3)
    await asyncio.to_thread(cluster.start)
    await hears(adapter, heard, "second", 2.0 + 1.0)
    with within(1):
        await stop()


async def test_a_callback_that_fails_does_not_end_the_listening(database, caplog):
    """A callback that raises, sync or async, is logged; the next notification is heard."""
    adapter = connect(database)
    heard = []

    def sync(word):
        heard.append(word)
        raise KeyError(word)

    async def later(word):
        heard.append(word)
        raise KeyError(word)

    stops = [await adapter.listen("news", sync), await adapter.listen("other", later)]
    await hears(adapter, heard, "one")
    await hears(adapter, heard, "two")
    await adapter.notify("other", "three")
    await adapter.notify("other", "four")
    await asyncio.sleep(0.2)
    assert heard[-2:] == ["three", "four"]
    for stop in stops:
        await stop()
    assert sum("KeyError" in (record.exc_text or "") + record.getMessage() for record in caplog.records) >= 4


async def test_listening_that_is_cancelled_or_fails_leaves_no_session(cluster, database):
    """Cancelled before it listens, or never stopped: no session is left behind, and closing takes no grace."""
    adapter = connect(database, pool_size=2)
    onlooker = observer(database, application_name="onlooker")
    for pause in (0, 0.001, 0.005, 0.02):
        task = asyncio.create_task(adapter.listen("news", print))
        await asyncio.sleep(pause)
        if task.done():
            await (await task)()
            continue
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await asyncio.sleep(0.2)
    listening = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'covet' AND query ILIKE 'LISTEN%'"
    assert await onlooker.fetch_value(listening) == 0
    await adapter.listen("news", print)
    with within(1):
        await adapter.close()
    await asyncio.sleep(0.1)
    assert await onlooker.fetch_value(listening) == 0
    await onlooker.close()
