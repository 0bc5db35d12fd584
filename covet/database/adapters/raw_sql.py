"""What a caller's own SQL may not do, or leaves behind, on a connection that the next query of anybody gets."""

from __future__ import annotations

import re
from typing import Final

from covet.exceptions import TransactionManagementError

_START = r"^(?:\s|--[^\n]*\n|/\*.*?\*/)*"
_TRANSACTION: Final = re.compile(
    _START + r"(BEGIN|START\s+TRANSACTION|COMMIT|END|ROLLBACK|ABORT|SAVEPOINT|RELEASE)\b", re.IGNORECASE | re.DOTALL
)
_SESSION: Final = re.compile(
    _START + r"(SET\s+(?!LOCAL\b|TRANSACTION\b|CONSTRAINTS\b)|RESET|LISTEN|UNLISTEN|LOAD|DISCARD|DECLARE)\b"
    r"|\bset_config\s*\(|\bpg_(?:try_)?advisory_lock|\bGET_LOCK\s*\(",
    re.IGNORECASE | re.DOTALL,
)


def refuse_transaction_control(sql: str) -> None:
    """Transactions are opened by `transaction()`, which knows their connection.

    Raises:
        TransactionManagementError: the statement begins or ends one by hand.
    """
    match = _TRANSACTION.match(sql)
    if match is not None:
        raise TransactionManagementError(
            f"{match[1].upper()} by hand would concern whichever connection the statement happens to get: "
            "write `async with transaction():`, nested for a savepoint"
        )


def touches_session(sql: str) -> bool:
    """Whether the connection has to be reset before somebody else gets it."""
    return _SESSION.search(sql) is not None
