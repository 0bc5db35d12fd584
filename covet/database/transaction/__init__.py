"""Transactions: `async with transaction():`, `@transaction`, `atomic`, `on_commit`."""

from covet.database.transaction.hooks import on_commit
from covet.database.transaction.inspection import (
    clean_savepoints,
    commit,
    get_autocommit,
    get_connection,
    get_rollback,
    mark_for_rollback_on_error,
    rollback,
    savepoint,
    savepoint_commit,
    savepoint_rollback,
    set_autocommit,
    set_rollback,
)
from covet.database.transaction.manager import Block, Transaction, atomic, current, detached, transaction
from covet.database.transaction.requests import non_atomic_requests
from covet.exceptions import TransactionClosed, TransactionManagementError, TransactionOutcomeUnknown

__all__ = [
    "Block",
    "Transaction",
    "TransactionClosed",
    "TransactionManagementError",
    "TransactionOutcomeUnknown",
    "atomic",
    "clean_savepoints",
    "commit",
    "current",
    "detached",
    "get_autocommit",
    "get_connection",
    "get_rollback",
    "mark_for_rollback_on_error",
    "non_atomic_requests",
    "on_commit",
    "rollback",
    "savepoint",
    "savepoint_commit",
    "savepoint_rollback",
    "set_autocommit",
    "set_rollback",
    "transaction",
]
