"""`transaction` and `atomic` on every database, held against what Django's own tests expect of atomic."""

import asyncio
import logging

import pytest

from covet.database import transaction as package_transaction
from covet.database.transaction import (
    TransactionClosed,
    TransactionManagementError,
    atomic,
    commit,
    get_autocommit,
    get_connection,
    get_rollback,
    mark_for_rollback_on_error,
    on_commit,
    rollback,
    savepoint,
    savepoint_commit,
    savepoint_rollback,
    set_autocommit,
    set_rollback,
    transaction,
)
from covet.exceptions import DatabaseError, IntegrityError


class OopsError(Exception):
    pass


async def create(adapter, name):
    await adapter.execute("INSERT INTO reporter (name) VALUES ($1)", name)


async def names(adapter):
    return [row[0] for row in await adapter.fetch("SELECT name FROM reporter ORDER BY name")]


async def test_the_bare_decorator_commits_and_rolls_back(adapter):
    """Promise 69."""

    @transaction
    async def make(name, *, fail=False):
        """Make one."""
        await create(adapter, name)
        if fail:
            raise OopsError
        return name

    assert await make("Tintin") == "Tintin"
    with pytest.raises(OopsError):
        await make("Haddock", fail=True)
    assert await names(adapter) == ["Tintin"]
    assert (make.__name__, make.__doc__) == ("make", "Make one.")


async def test_the_called_decorator_commits_and_rolls_back(adapter):
    """Promise 69."""

    @transaction()
    async def make(name):
        await create(adapter, name)

    @atomic
    async def fail(name):
        await create(adapter, name)
        raise OopsError

    class Service:
        @transaction(retries=2)
        async def make(self, name):
            await create(adapter, name)
            return self

    await make("Tintin")
    with pytest.raises(OopsError):
        await fail("Haddock")
    service = Service()
    assert await service.make("Snowy") is service
    assert await names(adapter) == ["Snowy", "Tintin"]


async def test_a_sync_function_may_be_decorated_inside_a_portal(adapter):
    from covet.portal import wait

    @atomic
    def make(name, fail):
        wait(create(adapter, name))
        if fail:
            raise OopsError

    make("Tintin", fail=False)
    with pytest.raises(OopsError):
        make("Haddock", fail=True)
    assert await names(adapter) == ["Tintin"]


async def test_the_block_commits_without_and_rolls_back_with_an_exception(adapter):
    """Promise 70."""
    async with transaction():
        await create(adapter, "Tintin")
    with pytest.raises(OopsError):
        async with transaction():
            await create(adapter, "Haddock")
            raise OopsError
    assert await names(adapter) == ["Tintin"]


async def test_commit_and_rollback_by_hand_happen_once(adapter):
    """Promise 71."""
    async with transaction() as tx:
        await create(adapter, "Tintin")
        await tx.commit()
        with pytest.raises(TransactionClosed):
            await tx.commit()
        with pytest.raises(TransactionClosed):
            await tx.rollback()
    async with transaction() as tx:
        await create(adapter, "Haddock")
        await tx.rollback()
        with pytest.raises(TransactionClosed):
            await create(adapter, "Snowy")
    assert await names(adapter) == ["Tintin"]


async def test_the_guides_manual_block_works_as_written(adapter):
    """Promise 71."""

    async def save(name, fail=False):
        async with transaction() as tx:
            try:
                await create(adapter, name)
                if fail:
                    raise OopsError
                await tx.commit()
            except Exception:
                await tx.rollback()
                raise

    await save("Tintin")
    with pytest.raises(OopsError):
        await save("Haddock", fail=True)
    assert await names(adapter) == ["Tintin"]


async def test_statements_are_begun_and_committed_once(adapter):
    """Promise 71. No double commit, and nothing at all for an empty block."""
    log = []
    adapter.query_hooks.append(lambda sql, args, seconds: log.append(sql))
    async with transaction() as tx:
        await create(adapter, "Tintin")
        await tx.commit()
    assert [sql.split()[0] for sql in log] == ["BEGIN", "INSERT", "COMMIT"]
    log.clear()
    async with transaction():
        pass
    assert log == []


def test_plain_with_says_what_to_write():
    with pytest.raises(TypeError) as caught, transaction():
        pass
    assert str(caught.value) == (
        "transaction() is asynchronous: write `async with transaction():`, not `with transaction():`"
    )
    with pytest.raises(TypeError, match="write `async with atomic"), atomic:
        pass


def test_the_decorated_sync_function_outside_a_portal_says_what_to_write():
    @transaction
    def make():
        """Never runs."""

    with pytest.raises(TypeError, match="write `async def make`"):
        make()


def test_what_cannot_be_is_refused_where_it_is_written():
    with pytest.raises(TypeError, match="isolation cannot be 'serial'; choose one of: serializable"):
        transaction(isolation="serial")
    with pytest.raises(TypeError, match="retries must be a whole number"):
        transaction(retries=-1)

    async def generator():
        yield 1

    with pytest.raises(TypeError, match="is an async generator"):
        transaction(generator)


def test_the_name_serves_as_djangos_module_too():
    assert package_transaction is transaction
    assert transaction.atomic is atomic
    assert transaction.on_commit is on_commit
    with pytest.raises(AttributeError):
        transaction.nonsense


async def test_retries_need_the_decorator(adapter):
    with pytest.raises(TypeError, match="use it as a decorator"):
        async with transaction(retries=2):
            pass


async def test_nested_blocks_are_savepoints(adapter):
    async with transaction():
        await create(adapter, "Tintin")
        async with transaction():
            await create(adapter, "Archibald")
        with pytest.raises(OopsError):
            async with transaction():
                await create(adapter, "Haddock")
                raise OopsError
    assert await names(adapter) == ["Archibald", "Tintin"]
    with pytest.raises(OopsError):
        async with transaction():
            async with transaction():
                await create(adapter, "Calculus")
            raise OopsError
    assert await names(adapter) == ["Archibald", "Tintin"]


async def test_one_object_may_be_entered_again_inside_itself(adapter):
    block = atomic()
    async with block:
        await create(adapter, "Tintin")
        with pytest.raises(OopsError):
            async with block:
                await create(adapter, "Haddock")
                raise OopsError
    async with block:
        await create(adapter, "Snowy")
    assert await names(adapter) == ["Snowy", "Tintin"]


async def test_a_nested_block_may_be_ended_by_hand(adapter):
    async with transaction():
        async with transaction() as inner:
            await create(adapter, "Tintin")
            await inner.rollback()
        async with transaction() as inner:
            await create(adapter, "Snowy")
            await inner.commit()
    assert await names(adapter) == ["Snowy"]


async def test_an_exception_in_a_merged_block_undoes_the_outer_one(adapter):
    async with atomic():
        await create(adapter, "Tintin")
        with pytest.raises(OopsError):
            async with atomic(savepoint=False):
                await create(adapter, "Haddock")
                raise OopsError
        assert get_rollback()
        with pytest.raises(TransactionManagementError, match="You can't execute queries until the end of the 'atomic'"):
            await names(adapter)
    assert await names(adapter) == []


async def test_a_swallowed_exception_in_a_merged_block_is_told_by_transaction(adapter):
    with pytest.raises(TransactionManagementError, match="an error inside it was swallowed") as caught:
        async with transaction():
            await create(adapter, "Tintin")
            with pytest.raises(OopsError):
                async with transaction(savepoint=False):
                    raise OopsError
    assert isinstance(caught.value.__cause__, OopsError)
    assert await names(adapter) == []


async def test_a_merged_block_rolls_back_to_the_nearest_savepoint(adapter):
    async with atomic():
        await create(adapter, "Tintin")
        async with atomic():
            await create(adapter, "Archibald")
            with pytest.raises(OopsError):
                async with atomic(savepoint=False):
                    await create(adapter, "Calculus")
                    raise OopsError
            set_rollback(False)
            assert len(await names(adapter)) == 3
            set_rollback(True)
        assert await names(adapter) == ["Tintin"]
    assert await names(adapter) == ["Tintin"]


async def test_rollback_may_be_forced_and_prevented(adapter):
    async with transaction():
        await create(adapter, "Tintin")
        assert get_rollback() is False
        set_rollback(True)
    assert await names(adapter) == []
    async with transaction():
        await create(adapter, "Tintin")
        sid = await savepoint()
        with pytest.raises(DatabaseError):
            async with transaction(savepoint=False):
                await adapter.fetch("SELECT no_such_column FROM reporter")
        assert get_rollback()
        set_rollback(False)
        await savepoint_rollback(sid)
        kept = await savepoint()
        await savepoint_commit(kept)
    assert await names(adapter) == ["Tintin"]


async def test_the_rollback_flag_needs_a_block(adapter):
    for call in (get_rollback, lambda: set_rollback(True)):
        with pytest.raises(TransactionManagementError) as caught:
            call()
        assert str(caught.value) == "The rollback flag doesn't work outside of an 'atomic' block."


async def test_what_django_forbids_inside_a_block_is_forbidden(adapter):
    async with transaction():
        for call in (commit, rollback):
            with pytest.raises(TransactionManagementError, match="This is forbidden when an 'atomic' block"):
                await call()
        with pytest.raises(TransactionManagementError, match="This is forbidden when an 'atomic' block"):
            set_autocommit(False)
        assert get_autocommit() is False
    assert get_autocommit() is True


async def test_marking_for_rollback_on_error(adapter):
    async with atomic(savepoint=False):
        with pytest.raises(OopsError), mark_for_rollback_on_error():
            raise OopsError
        assert get_rollback()
        with pytest.raises(TransactionManagementError):
            await create(adapter, "Tintin")
    with pytest.raises(OopsError), mark_for_rollback_on_error():
        raise OopsError
    assert get_connection().needs_rollback is False
    await create(adapter, "Tintin")


async def test_durable_blocks_are_outermost(adapter):
    message = "A durable atomic block cannot be nested within another atomic block."
    async with transaction(durable=True):
        async with transaction():
            await create(adapter, "Tintin")
        with pytest.raises(RuntimeError) as caught:
            async with transaction(durable=True):
                pass
        assert str(caught.value) == message
    async with transaction(is_test=True), transaction(durable=True):
        await create(adapter, "Snowy")
    assert await names(adapter) == ["Snowy", "Tintin"]


async def test_isolation_and_readonly_reach_the_server(adapter):
    async with transaction(isolation="serializable"):
        await create(adapter, "Tintin")
        if adapter.vendor == "postgresql":
            assert await adapter.fetch_value("SHOW transaction_isolation") == "serializable"
    with pytest.raises(DatabaseError):
        async with transaction(readonly=True):
            assert await names(adapter) == ["Tintin"]
            await create(adapter, "Haddock")
    await create(adapter, "Snowy")
    async with transaction():
        with pytest.raises(TransactionManagementError, match="belong to the outermost transaction"):
            async with transaction(readonly=True):
                pass


async def test_the_state_is_told(adapter):
    state = get_connection()
    assert (state.in_atomic_block, state.autocommit, adapter.in_transaction()) == (False, True, False)
    async with transaction(), transaction():
        assert (state.in_atomic_block, state.autocommit, adapter.in_transaction()) == (True, False, True)
        assert len(state.savepoint_ids) == 1
    assert state.in_atomic_block is False


# on_commit


async def test_hooks_run_after_the_commit_in_their_order(adapter):
    seen = []

    async def asynchronous():
        seen.append(("async", await names(adapter), adapter.in_transaction()))

    async with transaction():
        await create(adapter, "Tintin")
        on_commit(lambda: seen.append("first"))
        async with transaction() as inner:
            inner.on_commit(asynchronous)
        on_commit(lambda: seen.append("last"))
        assert seen == []
    assert seen == ["first", ("async", ["Tintin"], False), "last"]


async def test_hooks_of_what_was_rolled_back_never_run(adapter):
    seen = []
    async with transaction():
        async with transaction():
            on_commit(lambda: seen.append(1))
        with pytest.raises(OopsError):
            async with transaction():
                async with transaction():
                    on_commit(lambda: seen.append(2))
                raise OopsError
        async with transaction():
            on_commit(lambda: seen.append(3))
    with pytest.raises(OopsError):
        async with transaction():
            on_commit(lambda: seen.append(4))
            raise OopsError
    async with transaction():
        on_commit(lambda: seen.append(5))
        set_rollback(True)
    assert seen == [1, 3]


async def test_hooks_may_query_open_transactions_and_register_hooks(adapter):
    seen = []

    async def hook(number, again):
        async with transaction():
            if again:
                on_commit(lambda: hook(number + 10, False))
            await create(adapter, str(number))
            seen.append(number)

    async with transaction():
        on_commit(lambda: hook(1, True))
        on_commit(lambda: hook(2, True))
    assert seen == [1, 11, 2, 12]


async def test_without_a_transaction_a_hook_runs_at_once(adapter):
    seen = []

    async def asynchronous():
        await asyncio.sleep(0)
        seen.append("async")

    on_commit(lambda: seen.append("sync"))
    await on_commit(asynchronous)
    assert seen == ["sync", "async"]


async def test_a_robust_hook_is_logged_and_the_others_run(adapter, caplog):
    seen = []

    def robust_callback():
        raise OopsError("robust callback")

    with caplog.at_level(logging.ERROR, "covet.database"):
        async with transaction():
            on_commit(robust_callback, robust=True)
            on_commit(lambda: seen.append(1))
        on_commit(robust_callback, robust=True)
    assert seen == [1]
    during, after = [each.getMessage() for each in caplog.records if each.name == "covet.database"]
    assert during.endswith("robust_callback in on_commit() during transaction (robust callback).")
    assert after.endswith("robust_callback in on_commit() (robust callback).")


async def test_a_failing_hook_raises_and_is_forgotten(adapter):
    def fail():
        raise OopsError

    with pytest.raises(OopsError):
        async with transaction():
            await create(adapter, "Tintin")
            on_commit(fail)
    async with transaction():
        await create(adapter, "Snowy")
    assert await names(adapter) == ["Snowy", "Tintin"]


def test_a_hook_has_to_be_callable():
    with pytest.raises(TypeError, match=r"on_commit\(\)'s callback must be a callable."):
        on_commit(None)


async def test_an_integrity_error_names_what_it_is_about(adapter):
    await create(adapter, "Tintin")
    with pytest.raises(IntegrityError) as caught:
        await create(adapter, "Tintin")
    error = caught.value
    assert error.__cause__ is not None
    assert error.constraint or error.columns == ("name",)
    if adapter.vendor == "postgresql":
        assert (error.constraint, error.table, error.columns) == ("reporter_name_key", "reporter", ("name",))
    with pytest.raises(IntegrityError):
        await adapter.execute("INSERT INTO reporter (name) VALUES (NULL)")
