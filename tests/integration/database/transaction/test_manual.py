"""Autocommit turned off by hand, as Django's `set_autocommit(False)` does."""

import asyncio

import pytest

from covet.database.transaction import (
    atomic,
    commit,
    detached,
    get_autocommit,
    get_connection,
    on_commit,
    rollback,
    savepoint,
    savepoint_rollback,
    set_autocommit,
    transaction,
)
from covet.exceptions import DatabaseError, TransactionClosed, TransactionManagementError
from tests.integration.database.transaction.test_transaction import OopsError, create, names
from tests.pace import until


async def end():
    await rollback()
    set_autocommit(True)


async def test_what_is_not_committed_is_undone(adapter):
    set_autocommit(False)
    assert get_autocommit() is False
    assert not get_connection().in_atomic_block
    await create(adapter, "Tintin")
    await commit()
    await create(adapter, "Milou")
    await rollback()
    await create(adapter, "Haddock")
    assert await names(adapter) == ["Haddock", "Tintin"]
    await end()
    assert get_autocommit() is True
    assert await names(adapter) == ["Tintin"]


async def test_nothing_is_leased_before_the_first_query_and_after_the_end(adapter):
    await names(adapter)
    before = adapter.pool_status()["idle"]
    set_autocommit(False)
    assert adapter.pool_status()["idle"] == before
    await names(adapter)
    assert adapter.pool_status()["idle"] == before - 1
    await commit()
    assert adapter.pool_status()["idle"] == before
    set_autocommit(True)


async def test_autocommit_is_not_turned_on_over_an_open_transaction(adapter):
    set_autocommit(False)
    await create(adapter, "Tintin")
    with pytest.raises(
        TransactionManagementError, match=r"call commit\(\) or rollback\(\) before set_autocommit\(True\)"
    ):
        set_autocommit(True)
    await end()
    assert await names(adapter) == []


async def test_blocks_inside_are_savepoints(adapter):
    set_autocommit(False)
    async with atomic(durable=True):
        await create(adapter, "Tintin")
        assert get_connection().in_atomic_block
        for call in (commit, rollback):
            with pytest.raises(TransactionManagementError, match="This is forbidden when an 'atomic' block"):
                await call()
        with pytest.raises(TransactionManagementError, match="This is forbidden when an 'atomic' block"):
            set_autocommit(True)
    with pytest.raises(OopsError):
        async with atomic():
            await create(adapter, "Haddock")
            raise OopsError
    sid = await savepoint()
    await create(adapter, "Milou")
    await savepoint_rollback(sid)
    await commit()
    set_autocommit(True)
    assert await names(adapter) == ["Tintin"]


async def test_a_failed_block_without_savepoint_must_be_rolled_back(adapter):
    set_autocommit(False)
    await create(adapter, "Tintin")
    with pytest.raises(OopsError):
        async with atomic(savepoint=False):
            await create(adapter, "Haddock")
            raise OopsError
    with pytest.raises(TransactionManagementError, match="marked for rollback"):
        await commit()
    await end()
    assert await names(adapter) == []


async def test_a_swallowed_error_is_not_committed(adapter):
    set_autocommit(False)
    await create(adapter, "Tintin")
    with pytest.raises(DatabaseError):
        await adapter.fetch("SELECT no_such_column FROM reporter")
    if adapter.vendor == "postgresql":
        with pytest.raises(TransactionManagementError, match="an error inside it was swallowed"):
            await commit()
        await create(adapter, "Milou")
    await end()
    assert await names(adapter) == []


async def test_hooks_belong_to_blocks_and_run_after_the_commit(adapter):
    called = []
    set_autocommit(False)
    with pytest.raises(TransactionManagementError, match=r"on_commit\(\) cannot be used in manual transaction"):
        on_commit(lambda: called.append("never"))
    async with atomic():
        await create(adapter, "Tintin")
        on_commit(lambda: called.append("undone"))
    await rollback()

    async def hook():
        called.append(get_autocommit())
        await create(adapter, "Milou")

    async with atomic():
        on_commit(hook)
    assert called == []
    await commit()
    assert called == [True]
    await end()
    assert await names(adapter) == ["Milou"]


async def test_other_tasks_may_query_but_not_end_it(adapter):
    set_autocommit(False)
    await asyncio.create_task(create(adapter, "Tintin"))
    for call in (commit, rollback):
        with pytest.raises(TransactionManagementError, match="only that task may commit"):
            await asyncio.create_task(call())
    late = asyncio.Event()

    async def outliving():
        await late.wait()
        await create(adapter, "late")

    task = asyncio.create_task(outliving())
    await asyncio.sleep(0)
    await commit()
    late.set()
    with pytest.raises(TransactionClosed):
        await task
    set_autocommit(True)
    assert await names(adapter) == ["Tintin"]


async def test_a_task_that_ends_with_it_is_rolled_back_with_a_warning(adapter, caplog):
    async def careless(key):
        set_autocommit(False)
        await create(adapter, key)
        if key == "raises":
            raise OopsError

    async def tidy():
        set_autocommit(False)
        await create(adapter, "tidy")
        await commit()

    await asyncio.create_task(tidy())
    assert not [record for record in caplog.records if record.name == "covet.database"]
    for key in ("returns", "raises"):
        await asyncio.gather(asyncio.create_task(careless(key)), return_exceptions=True)
        await until(lambda: adapter.pool_status()["idle"] == adapter.pool_status()["open"])
        assert "a task ended with autocommit off and a transaction open" in caplog.text
        caplog.clear()
    assert get_autocommit() is True
    assert await names(adapter) == ["tidy"]


async def test_a_cancelled_task_gives_its_connection_back(adapter, caplog):
    async def careless():
        set_autocommit(False)
        await create(adapter, "cancelled")
        created.set()
        await asyncio.sleep(600)

    created = asyncio.Event()
    task = asyncio.create_task(careless())
    await created.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: adapter.pool_status()["idle"] == adapter.pool_status()["open"])
    async with transaction():
        assert await names(adapter) == []
    assert "rolled back" in caplog.text


async def test_detached_work_is_in_autocommit(adapter):
    if adapter.vendor == "sqlite":
        pytest.skip("one writer at a time: detached work would wait for us")
    set_autocommit(False)
    await create(adapter, "undone")
    with detached():
        assert get_autocommit() is True
        await create(adapter, "kept")
    assert get_autocommit() is False
    await end()
    assert await names(adapter) == ["kept"]
