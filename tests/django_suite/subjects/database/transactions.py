"""`transaction.atomic` for sync bodies: `with atomic():` over our awaited transactions."""

from __future__ import annotations

from typing import Any

from covet.database import transaction as ours
from covet.database.connections import connections
from covet.database.transaction.manager import Transaction
from covet.database.transaction.state import OpenTransaction
from tests.django_suite.waiting import SyncContext


def atomic(using: Any = None, savepoint: bool = True, durable: bool = False) -> Any:
    """A context manager and decorator, with or without arguments."""
    if callable(using):
        return SyncContext(ours.atomic)(using)
    return SyncContext(lambda: ours.atomic(using=using, savepoint=savepoint, durable=durable))


class TestBlock:
    """The transaction of a test class, or a test's savepoint in it; both end in a rollback.

    The transaction is begun on the server at once, so that its BEGIN counts in no test.
    """

    def __init__(self, alias: str) -> None:
        self._adapter = connections[alias]
        self._alias = alias
        self._outermost: Transaction | None = None
        self._savepoint = ""

    async def __aenter__(self) -> None:
        state = self._adapter.pin.get()
        if isinstance(state, OpenTransaction):
            self._savepoint = await state.savepoint()
            self._hooks = len(state.hooks)
            return
        self._outermost = Transaction(self._alias, strict=False, is_test=True)
        await self._outermost.__aenter__()
        await self._adapter.run("SELECT 1", ())

    async def __aexit__(self, *error: Any) -> None:
        if self._outermost is not None:
            ours.set_rollback(True, self._alias)
            await self._outermost.__aexit__(None, None, None)
            return
        state = self._adapter.pin.get()
        if not isinstance(state, OpenTransaction):
            return
        state.needs_rollback = False
        await state.rollback_savepoint(self._savepoint)
        await state.release_savepoint(self._savepoint)
        state.savepoints.clear()
        del state.hooks[self._hooks :]


def pending_callbacks(alias: str) -> list[Any]:
    """What `on_commit` collected in the open transaction, each with its savepoints and robustness."""
    state = connections[alias].pin.get()
    return list(state.hooks) if isinstance(state, OpenTransaction) else []
