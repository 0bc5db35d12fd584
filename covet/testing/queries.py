"""Counting and reading a test's queries: `assert_num_queries`, `capture_queries`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from covet.database.adapters.base import Adapter
from covet.database.connections.registry import DEFAULT, connections
from covet.database.transaction.manager import current

NOT_COUNTED: Final = ("BEGIN", "COMMIT", "ROLLBACK", "START TRANSACTION", "SET TRANSACTION")
"""The frame of a transaction; savepoints count, as in Django."""


@dataclass(frozen=True, slots=True)
class Query:
    """One statement: its SQL, arguments and duration in seconds."""

    sql: str
    args: Sequence[Any]
    seconds: float

    def __str__(self) -> str:
        return f"{self.sql}  {tuple(self.args)!r}" if self.args else self.sql


class capture_queries:  # noqa: N801 - read as a verb: `with capture_queries() as queries`
    """Collects the statements of a `with` or `async with` block; a sequence of `Query`.

    Args:
        using: the database's alias.
    """

    def __init__(self, using: str = DEFAULT) -> None:
        self.using = using
        self.queries: list[Query] = []
        self._adapter: Adapter | None = None

    def __len__(self) -> int:
        return len(self.queries)

    def __getitem__(self, index: int) -> Query:
        return self.queries[index]

    @property
    def sql(self) -> list[str]:
        """The statements alone."""
        return [query.sql for query in self.queries]

    def _note(self, sql: str, args: Sequence[Any], seconds: float) -> None:
        upper = sql.lstrip()[:32].upper()
        if not upper.startswith(NOT_COUNTED) or upper.startswith("ROLLBACK TO"):
            self.queries.append(Query(sql, args, seconds))

    def __enter__(self) -> Self:
        self._adapter = connections[self.using]
        self._adapter.query_hooks.append(self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._adapter is not None
        self._adapter.query_hooks.remove(self._note)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)


CaptureQueriesContext = capture_queries


@asynccontextmanager
async def capture_on_commit_callbacks(
    using: str = DEFAULT, *, execute: bool = False
) -> AsyncIterator[list[Callable[[], Any]]]:
    """The `on_commit` callbacks that a block registers; tests are rolled back, so that none runs by itself.

    Args:
        using: the database's alias.
        execute: call them, in order, at the end of the block.
    """
    state = current(using)
    before = len(state.hooks) if state is not None else 0
    callbacks: list[Callable[[], Any]] = []
    yield callbacks
    while state is not None and len(state.hooks) > before:
        registered = [callback for _, callback, _ in state.hooks[before:]]
        callbacks.extend(registered)
        del state.hooks[before:]
        for callback in registered if execute else ():
            result = callback()
            if isinstance(result, Awaitable):
                await result


captureOnCommitCallbacks = capture_on_commit_callbacks  # noqa: N816 - Django's name


class assert_num_queries(capture_queries):  # noqa: N801 - read as a verb
    """Fails a block that makes another number of queries; the message lists them.

    `async with assert_num_queries(2): ...`, or `await assert_num_queries(2, function, argument)`.

    Args:
        expected: how many.
        function: an async function to call instead of a block.
        args: its arguments.
        using: the database's alias.
        kwargs: its keyword arguments.

    Raises:
        AssertionError: there were more or fewer.
    """

    def __init__(
        self,
        expected: int,
        function: Callable[..., Awaitable[Any]] | None = None,
        *args: Any,
        using: str = DEFAULT,
        **kwargs: Any,
    ) -> None:
        super().__init__(using)
        self.expected = expected
        self._function = function
        self._arguments = (args, kwargs)

    def __await__(self) -> Any:
        return self._call().__await__()

    async def _call(self) -> Any:
        if self._function is None:
            raise TypeError("assert_num_queries() is a context manager: async with assert_num_queries(2): ...")
        args, kwargs = self._arguments
        async with self:
            return await self._function(*args, **kwargs)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        if kind is None and len(self.queries) != self.expected:
            listed = "\n".join(f"{number}. {query}" for number, query in enumerate(self.queries, 1)) or "(none)"
            raise AssertionError(
                f"{len(self.queries)} queries executed, {self.expected} expected\nCaptured queries were:\n{listed}"
            )


assertNumQueries = assert_num_queries  # noqa: N816 - Django's name
