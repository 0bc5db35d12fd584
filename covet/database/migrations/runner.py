"""The runner: applies and rolls back migrations, one at a time, each with its record or not at all.

`covet migration apply` and the tests call it. It knows files, history and locks; what a migration does is the
migration's own affair.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from covet.database.adapters.base import Adapter
from covet.database.migrations import faults, history
from covet.database.migrations.files import Key, MigrationFile
from covet.database.migrations.graph import Graph
from covet.database.migrations.history import Record
from covet.database.migrations.locks import exclusive, refuse_pooler
from covet.database.migrations.progress import told
from covet.database.migrations.session import AdapterSession, Session, open_session
from covet.exceptions import DatabaseError, IntegrityError

T = TypeVar("T")
Direction = Literal["up", "down"]


@dataclass(frozen=True)
class Options:
    """How a run behaves.

    Attributes:
        lock_timeout: how long a statement waits for a lock, in seconds. Whatever reads the table queues behind
            it for that long, so it is short; the step is then undone and tried again.
        lock_patience: for how many seconds a step is tried again.
        wait: how many seconds to wait for another run.
        allow_pooler: whether to run through a pooler that keeps sessions.
        touch_django: whether tables that Django's migrations own may be changed.
        tell_every: after how many seconds, each time, a migration that still runs is heard of.
    """

    lock_timeout: float = 0.4
    lock_patience: float = 120.0
    wait: float = 900.0
    allow_pooler: bool = False
    touch_django: bool = False
    tell_every: float = 10.0


@dataclass(frozen=True)
class Status:
    """One line of `covet migration list`.

    Attributes:
        file: the migration; None when the database has one that has no file any more.
        record: its row in the history; None when it is pending.
        is_changed: whether the file was edited after it was applied.
    """

    file: MigrationFile | None
    record: Record | None
    is_changed: bool = False

    @property
    def title(self) -> str:
        """App and name."""
        if self.file is not None:
            return self.file.title
        if self.record is None:
            return ""
        return f"{self.record.app}/{self.record.name}" if self.record.app else self.record.name

    @property
    def is_applied(self) -> bool:
        """Whether the whole migration is in the database."""
        return self.record is not None and self.record.is_finished


@dataclass(frozen=True)
class Done:
    """One migration that a run has finished, and how long it took in seconds."""

    file: MigrationFile
    seconds: float
    faked: bool = False


@dataclass
class Runner:
    """Applies the migrations of one database.

    Attributes:
        adapter: the database.
        files: every migration that exists.
        alias: the database's alias; migrations for another are left out.
        owned: the tables that Django's migrations own.
        options: how the run behaves.
        say: told about waiting, retries and progress.
        apps: makes the models that `run_python` sees.
    """

    adapter: Adapter
    files: Iterable[MigrationFile]
    alias: str = "default"
    owned: Container[str] = frozenset()
    options: Options = field(default_factory=Options)
    say: Callable[[str], None] = lambda text: None
    apps: Callable[[Session], Awaitable[Any]] | None = None

    def __post_init__(self) -> None:
        self.files = [each for each in self.files if each.migration.database == self.alias]

    async def records(self) -> dict[Key, Record]:
        """The database's history."""
        async with open_session(self.adapter) as session:
            return await history.read(session)

    async def graph(self) -> Graph:
        """The migrations in order, and which are applied."""
        records = await self.records()
        return Graph(self.files, {key for key, record in records.items() if record.is_finished})

    async def status(self) -> list[Status]:
        """Every migration, applied or pending, in order; then what has no file any more."""
        records = await self.records()
        graph = Graph(self.files, {key for key, record in records.items() if record.is_finished})
        found = [
            Status(each, record, record is not None and record.checksum != each.checksum)
            for each in graph.order
            for record in [records.get(each.key) or _squashed(each, records)]
        ]
        known = {each.key for each in self.files}
        return found + [Status(None, record) for key, record in records.items() if key not in known]

    async def plan(self, upto: Key | None = None) -> list[MigrationFile]:
        """What `apply` would apply, in order."""
        return (await self.graph()).pending(upto)

    async def apply(
        self,
        upto: Key | None = None,
        *,
        fake: bool = False,
        fake_initial: Callable[[MigrationFile], Awaitable[bool]] | None = None,
        started: Callable[[MigrationFile], None] | None = None,
        finished: Callable[[Done], None] | None = None,
    ) -> list[Done]:
        """Apply what is pending.

        Args:
            upto: the last one to apply, with what it needs; everything unless given.
            fake: record them without running them.
            fake_initial: asked about the first migration of each app; True records it without running.
            started: told before each.
            finished: told after each.

        Returns:
            What this run has done; a concurrent run's work is not in it.
        """
        await self._check_pooler()
        done: list[Done] = []
        async with exclusive(self.adapter, wait=self.options.wait, say=self.say):
            async with open_session(self.adapter) as session:
                await self._patiently(lambda: history.ensure(session))
            graph = await self.graph()
            for each in graph.pending(upto):
                if started is not None:
                    started(each)
                skipped = fake or (fake_initial is not None and _is_first(each, graph) and await fake_initial(each))
                began = time.monotonic()
                ran = await self._one(each, "up", fake=skipped)
                if ran:
                    done.append(Done(each, time.monotonic() - began, skipped))
                    if finished is not None:
                        finished(done[-1])
            await self._record_squashed()
        return done

    async def rollback(
        self,
        keys: Sequence[Key],
        *,
        fake: bool = False,
        started: Callable[[MigrationFile], None] | None = None,
        finished: Callable[[Done], None] | None = None,
    ) -> list[Done]:
        """Undo applied migrations, and before each what waits for it; the newest first."""
        await self._check_pooler()
        done: list[Done] = []
        async with exclusive(self.adapter, wait=self.options.wait, say=self.say):
            graph = await self.graph()
            wanted = {each for key in keys for each in graph.descendants(key)}
            for each in reversed([each for each in graph.order if each.key in wanted and each.key in graph.applied]):
                if started is not None:
                    started(each)
                began = time.monotonic()
                if await self._one(each, "down", fake=fake):
                    done.append(Done(each, time.monotonic() - began, fake))
                    if finished is not None:
                        finished(done[-1])
        return done

    async def _check_pooler(self) -> None:
        if not self.options.allow_pooler:
            await refuse_pooler(self.adapter)

    async def _one(self, each: MigrationFile, direction: Direction, *, fake: bool) -> bool:
        """One migration with its record; False if another run was faster."""
        whole = each.migration.atomic and self.adapter.vendor in {"postgresql", "sqlite"}

        async def attempt() -> bool:
            async with self._session() as session:
                if whole or fake:
                    return await self._in_transaction(session, each, direction, fake=fake)
                return await self._by_steps(session, each, direction)

        async with told(self.adapter, each.title, self.say, every=self.options.tell_every):
            return await self._patiently(attempt)

    async def _in_transaction(
        self, session: AdapterSession, each: MigrationFile, direction: Direction, *, fake: bool
    ) -> bool:
        await session.begin()
        record = (await history.read(session)).get(each.key)
        if (record is not None and record.is_finished) is (direction == "up"):
            await session.rollback()
            return False
        if not fake:
            await self._body(session, each, direction, None)
            await _check_keys(session)
        await self._write(session, each, direction)
        await session.commit()
        return True

    async def _by_steps(self, session: AdapterSession, each: MigrationFile, direction: Direction) -> bool:
        record = (await history.read(session)).get(each.key)
        if direction == "up" and record is not None and record.is_finished:
            return False
        if direction == "down" and record is None:
            return False
        interrupted = direction == "up" and record is not None
        finished = record.steps or 0 if record is not None and interrupted else 0
        progress = StepRecords(session, each, finished, direction, was_interrupted=interrupted)
        if interrupted:
            self.say(f"{each.title} was interrupted after step {finished}; going on from there")
        else:
            await progress.step_done(0)
        await self._body(session, each, direction, progress)
        await self._write(session, each, direction)
        return True

    async def _body(
        self, session: AdapterSession, each: MigrationFile, direction: Direction, progress: StepRecords | None
    ) -> None:
        exempt = self.options.touch_django or each.migration.is_baseline
        owned: Container[str] = frozenset() if exempt else self.owned
        migration = each.migration(session, owned=owned, progress=progress, notice=self.say, apps=self.apps)
        await (migration.up() if direction == "up" else migration.down())

    async def _write(self, session: AdapterSession, each: MigrationFile, direction: Direction) -> None:
        if direction == "up":
            await history.add(session, each)
        else:
            await history.forget(session, [each.key, *each.replaces])

    async def _record_squashed(self) -> None:
        """A squashed file whose parts are all applied is applied: write it down and forget the parts."""
        async with open_session(self.adapter) as session:
            records = await history.read(session)
            for each in self.files:
                if each.replaces and each.key not in records and all(key in records for key in each.replaces):
                    await history.add(session, each)

    async def _patiently(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do the work; when a lock does not come, let others through and try again."""
        ends = time.monotonic() + self.options.lock_patience
        pause = 0.2
        while True:
            try:
                return await work()
            except Exception as error:
                if not faults.is_lock_timeout(error) or time.monotonic() + pause > ends:
                    raise
                self.say(f"a lock did not come in time; trying again in {pause:.1f} s")
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, 3.0)

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[AdapterSession]:
        async with open_session(self.adapter) as session:
            before, after = await self._manners(session)
            for statement in before:
                await session.execute(statement)
            try:
                yield session
            finally:
                if session.in_transaction:
                    await session.rollback()
                await _restore(session, after)

    async def _manners(self, session: AdapterSession) -> tuple[list[str], list[str]]:
        """The settings of a session that changes schema, and what puts them back."""
        if session.vendor == "postgresql":
            limits = {
                "lock_timeout": int(self.options.lock_timeout * 1000),
                "statement_timeout": 0,
                "idle_in_transaction_session_timeout": 0,
            }
            return [f"SET {name} = {value}" for name, value in limits.items()], [f"RESET {name}" for name in limits]
        if session.vendor == "mysql":
            return ["SET SESSION lock_wait_timeout = 1"], ["SET SESSION lock_wait_timeout = DEFAULT"]
        # SQLite's table rebuild drops a table that others refer to; the keys are checked before COMMIT.
        enforced = (await session.fetch("PRAGMA foreign_keys"))[0][0]
        return ["PRAGMA foreign_keys = OFF"], [f"PRAGMA foreign_keys = {enforced}"]


class StepRecords:
    """The progress of a migration without a transaction, kept in its row of the history."""

    def __init__(
        self,
        session: AdapterSession,
        each: MigrationFile,
        finished: int,
        direction: Direction,
        *,
        was_interrupted: bool,
    ) -> None:
        self.was_interrupted = was_interrupted
        self._session = session
        self._each = each
        self._direction = direction
        self.finished = finished

    async def step_done(self, number: int) -> None:
        """Write down that a step is finished."""
        if self._direction == "up":
            await history.add(self._session, self._each, steps=number)

    def is_already_done(self, error: BaseException) -> bool:
        """Whether the error says that the step was finished just before the earlier run was killed."""
        return faults.is_already_done(error)


async def _restore(session: AdapterSession, statements: Sequence[str]) -> None:
    try:
        for statement in statements:
            await session.execute(statement)
    except DatabaseError:
        session.is_broken = True


async def _check_keys(session: AdapterSession) -> None:
    """SQLite's foreign keys were off during the step; nothing may be left dangling."""
    if session.vendor != "sqlite":
        return
    broken = await session.fetch("PRAGMA foreign_key_check")
    if broken:
        table, rowid, parent, _ = broken[0]
        raise IntegrityError(
            f"The migration leaves {len(broken)} dangling references; the first is row {rowid} of {table!r}, which "
            f"points to no row of {parent!r}."
        )


def _is_first(each: MigrationFile, graph: Graph) -> bool:
    return each.migration.is_baseline or not any(key[0] == each.app for key in graph.waits[each.key])


def _squashed(each: MigrationFile, records: dict[Key, Record]) -> Record | None:
    done = [records[key] for key in each.replaces if key in records]
    return done[-1] if done and len(done) == len(each.replaces) else None
