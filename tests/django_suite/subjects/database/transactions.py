"""`django.db.transaction` for sync bodies: `with atomic():` over our awaited transactions."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, Final

from covet.database import transaction as ours
from covet.database.connections import connections
from covet.portal import wait
from tests.django_suite.waiting import SyncContext

DEFAULT: Final = "default"
_savepoints: dict[str, list[tuple[str, Any]]] = {}


def atomic(using: Any = None, savepoint: bool = True, durable: bool = False) -> Any:
    """A context manager and decorator, with or without arguments."""
    if callable(using):
        return SyncContext(lambda: ours.atomic(using=DEFAULT))(using)
    return SyncContext(lambda: ours.atomic(using=using or DEFAULT, savepoint=savepoint, durable=durable))


def on_commit(func: Callable[[], Any], using: str | None = None, robust: bool = False) -> None:
    """Call `func` after the outermost block commits."""
    ours.on_commit(func, using=using or DEFAULT, robust=robust)


def in_block(alias: str) -> bool:
    """Whether a transaction is open."""
    return bool(connections[alias].in_transaction())


def get_connection(using: str | None = None) -> Any:
    """The connection facade of an alias."""
    from tests.django_suite.subjects.database.connection import connections as facades

    return facades[using or DEFAULT]


def get_rollback(using: str | None = None) -> bool:
    """Whether the innermost block will be rolled back."""
    return bool(ours.get_rollback(using=using or DEFAULT))


def set_rollback(rollback: bool, using: str | None = None) -> None:
    """Mark the innermost block for rollback, or take the mark away."""
    ours.set_rollback(rollback, using=using or DEFAULT)


def get_autocommit(using: str | None = None) -> bool:
    """Whether no transaction is open."""
    return not in_block(using or DEFAULT)


def savepoint(using: str | None = None) -> str:
    """Open a savepoint; its name."""
    block = ours.atomic(using=using or DEFAULT)
    wait(block.__aenter__())
    opened = _savepoints.setdefault(using or DEFAULT, [])
    name = f"s{len(opened)}_{id(block)}"
    opened.append((name, block))
    return name


def savepoint_commit(sid: str, using: str | None = None) -> None:
    """Release a savepoint."""
    wait(_taken(sid, using).__aexit__(None, None, None))


def savepoint_rollback(sid: str, using: str | None = None) -> None:
    """Roll back to a savepoint."""
    block = _taken(sid, using)
    set_rollback(True, using)
    wait(block.__aexit__(None, None, None))


def clean_savepoints(using: str | None = None) -> None:
    """Names are unique anyway."""


def _taken(sid: str, using: str | None) -> Any:
    opened = _savepoints.get(using or DEFAULT, [])
    while opened:
        name, block = opened.pop()
        if name == sid:
            return block
        wait(block.__aexit__(None, None, None))
    raise ours.TransactionManagementError(f"no savepoint {sid!r} is open")


@contextlib.contextmanager
def mark_for_rollback_on_error(using: str | None = None) -> Any:
    """An error inside dooms the open block."""
    try:
        yield
    except Exception:
        if in_block(using or DEFAULT):
            set_rollback(True, using)
        raise
