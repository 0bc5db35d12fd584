"""What every operation shares: the session, the count of steps, and the refusal to touch what Django owns."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from covet.database.migrations.session import Session
from covet.database.migrations.sqltext import Vendor, quote
from covet.exceptions import CovetError, NotSupportedError

P = ParamSpec("P")
O = TypeVar("O", bound="Operations")  # noqa: E741 - reads as "some operations"


class OwnedByDjango(CovetError):
    """A migration would change a table whose schema Django's migrations own.

    Attributes:
        table: the table's name.
    """

    def __init__(self, table: str) -> None:
        super().__init__(
            f"Table {table!r} belongs to Django's migrations, and two owners of one schema drift apart. Change it "
            "with `makemigrations`, take its app over with `covet migration adopt --own APP`, or pass "
            "`--touch-django` for this once."
        )
        self.table = table


class Progress(Protocol):
    """Remembers the steps of a migration that has no transaction around it."""

    @property
    def finished(self) -> int:
        """How many steps an earlier, interrupted run has finished."""

    @property
    def was_interrupted(self) -> bool:
        """Whether an earlier run began this migration and did not end it."""

    async def step_done(self, number: int) -> None:
        """Write down that a step is finished."""

    def is_already_done(self, error: BaseException) -> bool:
        """Whether the error says that the step was finished just before the earlier run was killed."""


def operation(function: Callable[Concatenate[O, P], Awaitable[None]]) -> Callable[Concatenate[O, P], Awaitable[None]]:
    """Count a public operation as one step, and skip it when an interrupted run has finished it."""

    @wraps(function)
    async def step(self: O, /, *args: P.args, **kwargs: P.kwargs) -> None:
        await self._step(lambda: function(self, *args, **kwargs))

    return step


class Operations:
    """The ground of all operations; `Migration` is made of its subclasses."""

    def __init__(
        self,
        session: Session,
        *,
        owned: Container[str] = frozenset(),
        progress: Progress | None = None,
        notice: Callable[[str], None] | None = None,
        apps: Callable[[Session], Awaitable[Any]] | None = None,
        skip_data: Callable[[str], None] | None = None,
    ) -> None:
        self.session = session
        self._owned = owned
        self._progress = progress
        self._notice = notice or _silent
        self._apps = apps or _no_apps
        self._skip_data = skip_data
        self._steps = 0
        self._nested = False
        self._dirty = False

    @property
    def vendor(self) -> Vendor:
        """The database: `postgresql`, `sqlite` or `mysql` (MariaDB too)."""
        return self.session.vendor

    def say(self, text: str) -> None:
        """Tell whoever runs the migration how it goes."""
        self._notice(text)

    async def _step(self, work: Callable[[], Awaitable[None]]) -> None:
        if self._nested:
            await work()
            return
        self._steps += 1
        progress = self._progress
        if progress is not None and self._steps <= progress.finished:
            return
        self._nested = True
        try:
            await work()
        except Exception as error:
            first_again = progress is not None and progress.was_interrupted and self._steps == progress.finished + 1
            if progress is None or not first_again or not progress.is_already_done(error):
                raise
            self.say(f"step {self._steps} had been finished before the interruption")
        finally:
            self._nested = False
        if progress is not None:
            await progress.step_done(self._steps)

    async def _run(self, sql: str, *args: Any) -> int:
        if self._dirty and self.vendor == "postgresql" and sql.startswith("ALTER"):
            # Rows that were just written have deferred checks pending, and ALTER TABLE refuses such a table.
            self._dirty = False
            await self.session.execute("SET CONSTRAINTS ALL IMMEDIATE")
            await self.session.execute("SET CONSTRAINTS ALL DEFERRED")
        return await self.session.execute(sql, *args)

    def _quote(self, name: str) -> str:
        return quote(name, self.vendor)

    def _touch(self, table: str) -> str:
        """The quoted name of a table about to be changed."""
        if table in self._owned:
            raise OwnedByDjango(table)
        return self._quote(table)

    def _only(self, vendor: Vendor, what: str) -> None:
        if self.vendor != vendor:
            raise NotSupportedError(f"{what} exists on {vendor} only; this database is {self.vendor}.")


def _silent(text: str) -> None:
    """Say nothing."""


async def _no_apps(session: Session) -> Any:
    raise NotSupportedError(
        "Models of the history are made by the runner; run this migration with `covet migration apply`."
    )
