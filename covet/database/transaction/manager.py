"""`transaction` and `atomic`: as decorator, called decorator and `async with`."""

from __future__ import annotations

import asyncio
import functools
import inspect
import random
import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, Final, NoReturn, TypeVar, overload

from covet.database.adapters.base import Adapter
from covet.database.adapters.pins import Pin, renewed
from covet.database.connections.registry import DEFAULT, connections
from covet.database.transaction import hooks
from covet.database.transaction.state import OpenTransaction, is_retryable, run_hooks
from covet.exceptions import DatabaseError, TransactionClosed, TransactionManagementError, choices
from covet.portal.greenlets import in_portal, wait

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

ISOLATION: Final = ("serializable", "repeatable read", "read committed", "read uncommitted")
FIRST_PAUSE: Final = 0.01
LONGEST_PAUSE: Final = 0.5


def current(using: str | None = None) -> OpenTransaction | None:
    """The transaction that this task is in, if any."""
    pin = connections[using or DEFAULT].pin.get()
    return pin if isinstance(pin, OpenTransaction) else None


class Block:
    """What `async with transaction() as tx` gives: one block of a transaction, the outermost or a savepoint."""

    __slots__ = ("_done", "adapter", "outermost", "sid", "state")

    def __init__(self, adapter: Adapter, state: OpenTransaction, sid: str | None, *, outermost: bool) -> None:
        self.adapter = adapter
        self.state = state
        self.outermost = outermost
        self.sid = sid
        self._done = False

    @property
    def is_open(self) -> bool:
        """Whether neither commit nor rollback has happened."""
        return not self._done and not self.state.closed

    async def commit(self) -> None:
        """Commit now (of a nested block: release its savepoint); the end of the block then does nothing.

        Raises:
            TransactionClosed: the block was already committed or rolled back.
        """
        self._take_end()
        state = self.state
        if not self.outermost:
            if self.sid is not None:
                await _release(state, self.sid)
            return
        if state.needs_rollback:
            cause = state.cause
            await state.rollback()
            raise TransactionManagementError(
                "the transaction was marked for rollback and has been rolled back"
            ) from cause
        await _commit(state)

    async def rollback(self) -> None:
        """Roll back now; the end of the block then does nothing."""
        self._take_end()
        state = self.state
        state.needs_rollback = False
        if self.outermost:
            await state.rollback()
        elif self.sid is not None:
            await _undo(state, self.sid)
        else:
            state.mark(None)

    def on_commit(self, callback: Callable[[], Any], *, robust: bool = False) -> None:
        """Call `callback` after the outermost commit."""
        hooks.register(self.state, callback, robust=robust)

    def adopt(self) -> None:
        """Make the running task the owner, and the transaction the one of its context (for test runners)."""
        self.state.owner = asyncio.current_task()
        self.adapter.pin.set(self.state)

    def _take_end(self) -> None:
        if not self.is_open:
            raise TransactionClosed(self.state.closed or "this block has already been committed or rolled back")
        self._done = True

    # The end of the `async with`

    async def leave(self, exc: BaseException | None, *, strict: bool) -> None:
        """End the block as Django does: commit without an exception or a mark, else roll back."""
        state = self.state
        self._done = True
        marked, cause = state.needs_rollback, state.cause
        if exc is None and not marked:
            if not self.outermost:
                if self.sid is not None:
                    await _release(state, self.sid)
                return
            await _commit(state)
            return
        state.needs_rollback, state.cause = False, None
        if self.outermost:
            await state.rollback()
        elif self.sid is None:
            state.mark(exc or cause)
        else:
            await _undo(state, self.sid)
        if exc is None and state.lost is not None:
            raise renewed(state.lost)
        if exc is None and strict and cause is not None and (self.outermost or self.sid is not None):
            raise TransactionManagementError(
                f"the block was rolled back at its end: an error inside it was swallowed ({cause})"
            ) from cause


async def _commit(state: OpenTransaction) -> None:
    """Commit, then run the hooks outside the transaction, also when the task was cancelled during COMMIT."""
    cancelled: asyncio.CancelledError | None = None
    try:
        await state.commit()
    except asyncio.CancelledError as exc:
        # Delivered only once the commit is known to have happened.
        cancelled = exc
    callbacks, state.hooks = state.hooks, []
    if callbacks:
        token = state.adapter.pin.set(None)
        try:
            await run_hooks(callbacks, hooks.report_failure)
        finally:
            state.adapter.pin.reset(token)
    if cancelled is not None:
        raise cancelled


async def _release(state: OpenTransaction, sid: str) -> None:
    try:
        await state.release_savepoint(sid)
    except DatabaseError as exc:
        try:
            await state.rollback_savepoint(sid)
            await state.release_savepoint(sid)
        except DatabaseError:
            state.mark(exc)
        raise


async def _undo(state: OpenTransaction, sid: str) -> None:
    try:
        await state.rollback_savepoint(sid)
        await state.release_savepoint(sid)
    except DatabaseError as exc:
        state.mark(exc)


class Transaction:
    """A context manager and decorator; made by `transaction(...)` and `atomic(...)`, reusable and nestable.

    Nested blocks are savepoints. On exit without an exception the block commits, else it rolls back. The
    connection is leased by the first query, not by `async with`.
    """

    def __init__(
        self,
        using: str | None = None,
        *,
        savepoint: bool = True,
        durable: bool = False,
        isolation: str | None = None,
        readonly: bool = False,
        deferrable: bool = False,
        retries: int = 0,
        strict: bool = True,
        is_test: bool = False,
    ) -> None:
        self.using = using or DEFAULT
        self.savepoint = savepoint
        self.durable = durable
        self.isolation = _isolation(isolation)
        self.readonly = readonly
        self.deferrable = deferrable
        if isinstance(retries, bool) or not isinstance(retries, int) or retries < 0:
            raise TypeError(f"retries must be a whole number of at least 0, not {retries!r}")
        self.retries = retries
        self.strict = strict
        self.is_test = is_test
        self._entered: dict[Any, list[Block]] = {}

    async def __aenter__(self) -> Block:
        if self.retries:
            raise TypeError(
                "retries= runs a whole function again: use it as a decorator, @transaction(retries=...), "
                "not in async with"
            )
        return await self._enter()

    async def _enter(self) -> Block:
        adapter = connections[self.using]
        state = adapter.pin.get()
        if state is None:
            block = self._open(adapter)
        else:
            assert isinstance(state, OpenTransaction)
            block = await self._nest(adapter, state)
        self._entered.setdefault(asyncio.current_task(), []).append(block)
        return block

    def _open(self, adapter: Adapter) -> Block:
        begin = adapter.begin_sql(isolation=self.isolation, readonly=self.readonly, deferrable=self.deferrable)
        state = OpenTransaction(adapter, asyncio.current_task(), begin, readonly=self.readonly, is_test=self.is_test)
        adapter.pin.set(state)
        return Block(adapter, state, None, outermost=True)

    async def _nest(self, adapter: Adapter, state: OpenTransaction) -> Block:
        if state.closed:
            raise TransactionClosed(
                f"{state.closed}; a task that outlives its transaction opens its own through `detached()`"
            )
        if self.durable and state.in_block and not (state.is_test and not state.savepoints):
            raise RuntimeError("A durable atomic block cannot be nested within another atomic block.")
        if self.isolation or self.readonly or self.deferrable:
            raise TransactionManagementError(
                "isolation, readonly and deferrable belong to the outermost transaction, not to a savepoint"
            )
        state.check_owner()
        sid = None
        if self.savepoint and not state.needs_rollback:
            sid = await state.savepoint()
        state.savepoints.append(sid)
        return Block(adapter, state, sid, outermost=False)

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        block = self._exit_block()
        state = block.state
        if block.outermost:
            block.adapter.pin.set(None)
        elif state.savepoints:
            # The stack rules, as in Django: whoever put something on it by hand ends that.
            block.sid = state.savepoints.pop()
        if block.is_open:
            await block.leave(exc, strict=self.strict)

    def _exit_block(self) -> Block:
        task = asyncio.current_task()
        blocks = self._entered.get(task)
        if blocks is None:
            # A test runner may leave in another task than it entered.
            task, blocks = next(iter(self._entered.items()))
        block = blocks.pop()
        if not blocks:
            del self._entered[task]
        return block

    def __enter__(self) -> NoReturn:
        raise TypeError("transaction() is asynchronous: write `async with transaction():`, not `with transaction():`")

    def __exit__(self, *exc_info: object) -> None:
        """Present so that `with` reaches `__enter__`, whose message says what to write."""

    def __call__(self, function: F) -> F:
        """Decorate: each call runs in a transaction, again on a serialization failure if `retries` says so."""
        if inspect.isasyncgenfunction(function):
            raise TypeError(f"{function!r} is an async generator: use `async with transaction()` inside it")
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def wrapper(*args: Any, **kwargs: Any) -> Any:
                return await self._run(function, args, kwargs)

            return wrapper  # type: ignore[return-value]

        @functools.wraps(function, updated=())
        def sync_wrapper(*args: Any, **kwargs: Any) -> Any:
            call = self._run(function, args, kwargs)
            if in_portal():
                return wait(call)
            call.close()
            raise TypeError(
                f"@transaction needs an async function outside a portal: write `async def {_name(function)}`"
            )

        return sync_wrapper  # type: ignore[return-value]

    async def _run(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        left = self.retries if connections[self.using].pin.get() is None else 0
        pause = FIRST_PAUSE
        while True:
            block: Block | None = None
            try:
                block = await self._enter()
                try:
                    answer = function(*args, **kwargs)
                    if isinstance(answer, Awaitable):
                        answer = await answer
                except BaseException as exc:
                    await self.__aexit__(type(exc), exc, exc.__traceback__)
                    raise
                await self.__aexit__(None, None, None)
            except DatabaseError as exc:
                if not left or not is_retryable(exc) or (block is not None and block.state.committed):
                    raise
                left -= 1
            else:
                return answer
            await asyncio.sleep(pause * (0.5 + random.random()))  # noqa: S311 - spreads rivals, hides nothing
            pause = min(pause * 2, LONGEST_PAUSE)


def _name(function: Any) -> str:
    return getattr(function, "__name__", None) or type(function).__name__


def _isolation(level: str | None) -> str | None:
    if level is None:
        return None
    normal = level.lower().replace("_", " ").replace("-", " ")
    if normal not in ISOLATION:
        raise TypeError(f"isolation cannot be {level!r}; choose one of: {', '.join(choices(normal, ISOLATION))}")
    return normal


class TransactionFactory:
    """`transaction` and `atomic`: a decorator as it is, and what makes Transaction objects when called."""

    def __init__(self, name: str, *, strict: bool) -> None:
        self._name = name
        self._strict = strict

    @overload
    def __call__(self, function: F, /) -> F: ...

    @overload
    def __call__(
        self,
        using: str | None = None,
        savepoint: bool = True,
        durable: bool = False,
        *,
        isolation: str | None = None,
        readonly: bool = False,
        deferrable: bool = False,
        retries: int = 0,
        is_test: bool = False,
    ) -> Transaction: ...

    def __call__(
        self,
        using: Any = None,
        savepoint: bool = True,
        durable: bool = False,
        *,
        isolation: str | None = None,
        readonly: bool = False,
        deferrable: bool = False,
        retries: int = 0,
        is_test: bool = False,
    ) -> Any:
        """A transaction to enter with `async with` or to decorate with.

        Args:
            using: the database's alias; or, as a bare decorator, the function.
            savepoint: whether a nested block is a savepoint; without it an error undoes the outer block too.
            durable: refuse to be nested.
            isolation: `serializable`, `repeatable read`, `read committed` or `read uncommitted`.
            readonly: refuse writes.
            deferrable: with serializable and readonly, wait for a snapshot that cannot fail (PostgreSQL).
            retries: how often a decorated function is run again after a serialization failure or a deadlock.
            is_test: it wraps a test: blocks inside it may be durable and belong to any task.
        """
        if callable(using):
            return Transaction(strict=self._strict)(using)
        return Transaction(
            using,
            savepoint=savepoint,
            durable=durable,
            isolation=isolation,
            readonly=readonly,
            deferrable=deferrable,
            retries=retries,
            strict=self._strict,
            is_test=is_test,
        )

    def __enter__(self) -> NoReturn:
        raise TypeError(f"write `async with {self._name}():`, not `with {self._name}:`")

    def __exit__(self, *exc_info: object) -> None:
        """Present so that `with` reaches `__enter__`."""

    def __getattr__(self, name: str) -> Any:
        """`transaction.atomic`, `transaction.on_commit` …: Django code imports `transaction` as a module."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(sys.modules["covet.database.transaction"], name)

    def __repr__(self) -> str:
        return f"<{self._name}>"


transaction = TransactionFactory("transaction", strict=True)
atomic = TransactionFactory("atomic", strict=False)


class Detached:
    """What `detached()` gives: work outside the transaction, under `with` or `async with`."""

    def __init__(self) -> None:
        self._tokens: list[tuple[ContextVar[Pin | None], Token[Pin | None]]] = []

    def __enter__(self) -> None:
        adapters = connections.all(initialized_only=True)
        self._tokens = [(adapter.pin, adapter.pin.set(None)) for adapter in adapters]

    def __exit__(self, *exc_info: object) -> None:
        for variable, token in reversed(self._tokens):
            variable.reset(token)

    async def __aenter__(self) -> None:
        self.__enter__()

    async def __aexit__(self, *exc_info: object) -> None:
        self.__exit__()


@overload
def detached() -> Detached: ...


@overload
def detached(work: Coroutine[Any, Any, T], /) -> asyncio.Task[T]: ...


def detached(work: Coroutine[Any, Any, Any] | None = None, /) -> Any:
    """Leave the transaction: for background work that must neither see nor share it.

    `with detached():` does so for a block and the tasks that are created in it; `detached(audit())` starts a
    task of its own. Each takes connections of its own: inside a used-up pool they wait, until `PoolTimeout`.

    Returns:
        The context manager, or the started task.
    """
    if work is None:
        return Detached()
    with Detached():
        return asyncio.get_running_loop().create_task(work)
