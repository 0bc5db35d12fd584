"""What tests know as `connection`: our adapter's state, Django's own description of the server's abilities.

`features`, `ops` and their like describe the server, not the framework: they are answered by a connection of
Django's to the same database, which makes no query for the tests.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import django.db

from covet.database import transaction
from covet.database.connections import connections as adapters
from covet.database.transaction import inspection
from covet.portal import wait
from tests.django_suite.subjects.database import transactions
from tests.django_suite.subjects.database.cursor import Cursor

DESCRIBED: Final = frozenset(
    {
        "features",
        "ops",
        "data_types",
        "operators",
        "pattern_ops",
        "pattern_esc",
        "display_name",
        "Database",
        "mysql_is_mariadb",
        "mysql_version",
        "mysql_server_data",
        "pg_version",
        "sql_mode",
        "settings_dict",
        "data_type_check_constraints",
        "timezone",
        "timezone_name",
        "get_database_version",
    }
)


class QueryLog(Sequence[Mapping[str, Any]]):
    """The queries that an adapter made while it listened."""

    def __init__(self) -> None:
        self._entries: list[Mapping[str, Any]] = []

    def note(self, sql: str, args: Sequence[Any], seconds: float) -> None:
        """Called by the adapter after each statement."""
        shown = f"{sql} {tuple(args)!r}" if args else sql
        self._entries.append({"sql": shown, "time": f"{seconds:.3f}"})

    def __getitem__(self, index: Any) -> Any:
        return self._entries[index]

    def __len__(self) -> int:
        return len(self._entries)

    def clear(self) -> None:
        """Forget the queries so far."""
        self._entries.clear()


class Connection:
    """`connections[alias]`."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self._log = QueryLog()
        self._forced = False

    @property
    def adapter(self) -> Any:
        """Our adapter."""
        return adapters[self.alias]

    @property
    def vendor(self) -> str:
        vendor: str = self.adapter.vendor
        return vendor

    @property
    def connection(self) -> Any:
        """The driver's connection: tests only ask whether there is one."""
        return self

    @property
    def state(self) -> inspection.ConnectionState:
        """Our view of the open transaction."""
        state: inspection.ConnectionState = transaction.get_connection(self.alias)
        return state

    @property
    def in_atomic_block(self) -> bool:
        return self.state.in_atomic_block

    @property
    def needs_rollback(self) -> bool:
        return self.state.needs_rollback

    @needs_rollback.setter
    def needs_rollback(self, value: bool) -> None:
        self.state.needs_rollback = value

    @property
    def savepoint_ids(self) -> list[str | None]:
        return self.state.savepoint_ids

    @property
    def run_on_commit(self) -> list[Any]:
        return transactions.pending_callbacks(self.alias)

    def get_autocommit(self) -> bool:
        return self.state.autocommit

    autocommit = property(get_autocommit)

    def set_autocommit(self, autocommit: bool) -> None:
        transaction.set_autocommit(autocommit, self.alias)

    @property
    def force_debug_cursor(self) -> bool:
        return self._forced

    @force_debug_cursor.setter
    def force_debug_cursor(self, forced: bool) -> None:
        if forced and not self._forced:
            self.adapter.query_hooks.append(self._log.note)
        elif self._forced and not forced:
            self.adapter.query_hooks.remove(self._log.note)
        self._forced = forced

    @property
    def queries(self) -> list[Mapping[str, Any]]:
        return list(self._log)

    @property
    def queries_log(self) -> QueryLog:
        return self._log

    def cursor(self) -> Cursor:
        return Cursor(self.alias)

    @contextlib.contextmanager
    def capture(self) -> Iterator[QueryLog]:
        """A log of the queries made in the block."""
        log = QueryLog()
        self.adapter.query_hooks.append(log.note)
        try:
            yield log
        finally:
            self.adapter.query_hooks.remove(log.note)

    def savepoint(self) -> Any:
        return wait(transaction.savepoint(self.alias))

    def savepoint_rollback(self, sid: Any) -> None:
        wait(transaction.savepoint_rollback(sid, self.alias))

    def savepoint_commit(self, sid: Any) -> None:
        wait(transaction.savepoint_commit(sid, self.alias))

    def copy(self) -> Any:
        """Another client of the same database: Django's own, which shares nothing with ours."""
        return django.db.connections[self.alias].copy()

    def close(self) -> None:
        """Pools are closed at the end of the run."""

    def ensure_connection(self) -> None:
        """The pool connects when it is asked."""

    @contextlib.contextmanager
    def constraint_checks_disabled(self) -> Iterator[None]:
        """Foreign keys are looked at when the transaction ends; MySQL must be told."""
        if self.vendor != "mysql":
            yield
            return
        wait(self.adapter.execute("SET FOREIGN_KEY_CHECKS = 0"))
        try:
            yield
        finally:
            wait(self.adapter.execute("SET FOREIGN_KEY_CHECKS = 1"))

    def check_constraints(self, table_names: Any = None) -> None:
        """Make deferred constraints speak now."""
        if self.vendor == "postgresql":
            wait(self.adapter.execute("SET CONSTRAINTS ALL IMMEDIATE"))
            wait(self.adapter.execute("SET CONSTRAINTS ALL DEFERRED"))

    def __getattr__(self, name: str) -> Any:
        if name in DESCRIBED:
            return getattr(django.db.connections[self.alias], name)
        raise AttributeError(f"the connection facade has no {name!r}")


class Connections:
    """`django.db.connections`."""

    def __init__(self) -> None:
        self._made: dict[str, Connection] = {}

    def __getitem__(self, alias: str) -> Connection:
        _ = adapters[alias]
        if alias not in self._made:
            self._made[alias] = Connection(alias)
        return self._made[alias]

    def __iter__(self) -> Iterator[str]:
        return iter(adapters)

    def all(self) -> list[Connection]:
        return [self[alias] for alias in self]

    def close_all(self) -> None:
        """Pools are closed at the end of the run."""

    @property
    def databases(self) -> Mapping[str, Any]:
        return adapters.databases


class _DefaultConnection:
    """`connection`: the default alias's, looked up at each use; what tests set goes there too."""

    def __getattr__(self, name: str) -> Any:
        return getattr(connections["default"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(connections["default"], name, value)

    def __delattr__(self, name: str) -> None:
        delattr(connections["default"], name)


connections: Final = Connections()
connection: Final = _DefaultConnection()


def reset_queries() -> None:
    """Forget the logged queries."""
    for each in connections.all():
        each.queries_log.clear()
