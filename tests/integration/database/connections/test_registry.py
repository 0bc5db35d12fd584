"""Adapters by alias: made once, closed together, left alone in forked children; replicas for reads."""

import asyncio
import os
from types import SimpleNamespace

from covet.database import DatabaseConfig
from covet.database.connections.registry import Connections, connections, make_adapter
from covet.database.connections.replicas import ReplicaRouter
from covet.database.transaction import transaction
from covet.portal import portal


def test_an_adapter_is_made_once():
    own = Connections({"default": "sqlite://", "other": "sqlite://"})
    assert own.all(initialized_only=True) == []
    assert own["default"] is own["default"]
    assert len(own.all(initialized_only=True)) == 1
    assert len(own.all()) == 2


def test_a_forked_child_opens_connections_of_its_own(postgresql_url, monkeypatch):
    adapter = make_adapter(postgresql_url)
    monkeypatch.setitem(connections._adapters, "forked", adapter)

    async def main():
        mine = (await adapter.run("SELECT pg_backend_pid()", ()))[0][0]
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                asyncio.events._set_running_loop(None)
                os.write(writer, str(asyncio.run(child_session())).encode())
            finally:
                os._exit(0)
        os.close(writer)
        await asyncio.to_thread(os.waitpid, child, 0)
        theirs = int(os.read(reader, 20))
        os.close(reader)
        assert theirs != mine
        assert (await adapter.run("SELECT pg_backend_pid()", ()))[0][0] == mine
        await adapter.close()

    async def child_session():
        return (await adapter.run("SELECT pg_backend_pid()", ()))[0][0]

    asyncio.run(main())


def test_reads_go_to_replicas_outside_transactions(tmp_path):
    config = DatabaseConfig(engine="sqlite", database=str(tmp_path / "a"), replicas=("near", "far"))
    connections.configure({"default": config, "near": "sqlite://", "far": "sqlite://"})
    try:
        router = ReplicaRouter()
        assert {router.db_for_read(None) for _ in range(50)} == {"near", "far"}
        assert router.db_for_write(None) is None
        assert router.allow_migrate("near", "shop") is False
        assert router.allow_migrate("default", "shop") is None
        rows = [SimpleNamespace(_state=SimpleNamespace(db=db)) for db in ("near", "default", "elsewhere")]
        assert router.allow_relation(rows[0], rows[1]) is True
        assert router.allow_relation(rows[0], rows[2]) is None

        async def inside():
            async with transaction():
                return router.db_for_read(None)

        assert asyncio.run(portal_of(inside())) is None
    finally:
        connections.configure(None)


async def portal_of(coro):
    try:
        return await portal(coro)
    finally:
        await connections.close_all()
