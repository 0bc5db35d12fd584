"""A router for read replicas: `DATABASE_ROUTERS = ["covet.database.connections.replicas.ReplicaRouter"]`.

It reads `replicas` of each DatabaseConfig. Writes, and everything inside a transaction, stay on the primary.
"""

from __future__ import annotations

import random
from typing import Any

from covet.database.config import DatabaseConfig
from covet.database.connections.registry import DEFAULT, connections


class ReplicaRouter:
    """Sends reads of the default database to one of its replicas.

    A replica lags behind: what must read its own write does so inside `transaction()`, or with `using()`.
    """

    def __init__(self, primary: str = DEFAULT) -> None:
        self.primary = primary

    @property
    def replicas(self) -> tuple[str, ...]:
        """The replicas' aliases."""
        return DatabaseConfig.of(connections.databases[self.primary]).replicas

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        """A replica, unless a transaction is open on the primary."""
        replicas = self.replicas
        if not replicas or connections[self.primary].in_transaction():
            return None
        return random.choice(replicas)  # noqa: S311 - spreads load, hides nothing

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        """No opinion: the primary."""
        return None

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool | None:
        """Objects of the primary and of its replicas are the same rows."""
        same = {self.primary, *self.replicas}
        return True if {one._state.db, other._state.db} <= same else None

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        """Replicas get their schema from the primary."""
        return False if db in self.replicas else None
