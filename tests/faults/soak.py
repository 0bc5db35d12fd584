"""A soak: mixed load under faults for minutes, then the invariants. `python -m tests.faults.soak --minutes 10`.

Readers, transfers, cancelled transfers, streams, savepoints; meanwhile backends are terminated and killed, and the
schema changes. At the end: the sum is intact, the ledger equals what was acknowledged, no session is idle in a
transaction, the pool is full, memory is flat.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import itertools
import random
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

from covet.database.config import DatabaseConfig
from covet.database.connections.registry import connections, make_adapter
from covet.database.transaction import on_commit, transaction
from covet.exceptions import DatabaseError, TransactionOutcomeUnknown
from covet.portal.runner import new_event_loop
from tests.faults.cluster import Cluster

ACCOUNTS = 50
BALANCE = 1000
WARM_UP = 0.2
GROWTH = 1.10
MOST_TRANSFERS = 4_000_000
ACKNOWLEDGED = 1
UNKNOWN = 2


class Soak:
    """One run."""

    def __init__(self, cluster: Cluster, seconds: float, tasks: int) -> None:
        self.cluster = cluster
        self.seconds = seconds
        self.tasks = tasks
        self.counts: Counter[str] = Counter()
        # One byte a transfer, laid out beforehand: the soak's own notes must not grow.
        self.outcomes = bytearray(MOST_TRANSFERS)
        self.numbers = itertools.count()
        self.stop = False
        config = DatabaseConfig(url=cluster.url).replace(pool_size=12, max_overflow=4, pool_timeout=10)
        connections.configure({"default": config})
        self.adapter: Any = connections["default"]
        self.onlooker: Any = make_adapter(config.replace(application_name="onlooker", pool_size=2, max_overflow=0))

    async def run(self) -> list[str]:
        """Load, then verdicts; what is broken, empty when all holds."""
        await self.prepare()
        started = time.monotonic()
        work = [asyncio.create_task(self.client()) for _ in range(self.tasks)]
        work += [asyncio.create_task(self.saboteur()), asyncio.create_task(self.migrator())]
        await asyncio.sleep(self.seconds * WARM_UP)
        gc.collect()
        before = resident()
        while time.monotonic() - started < self.seconds:
            await asyncio.sleep(min(10, self.seconds / 10))
            print(f"{time.monotonic() - started:6.0f} s  {dict(self.counts)}  {resident() / 1e6:.0f} MB", flush=True)
        gc.collect()
        after = resident()
        self.stop = True
        await asyncio.gather(*work)
        broken = await self.verdicts()
        if after > before * GROWTH:
            broken.append(f"memory grew from {before / 1e6:.0f} to {after / 1e6:.0f} MB")
        print(f"memory {before / 1e6:.0f} to {after / 1e6:.0f} MB")
        return broken

    async def prepare(self) -> None:
        """Accounts and an empty ledger."""
        await self.adapter.execute("DROP TABLE IF EXISTS accounts; DROP TABLE IF EXISTS ledger")
        await self.adapter.execute("CREATE TABLE accounts (id integer PRIMARY KEY, balance integer NOT NULL)")
        await self.adapter.execute("CREATE TABLE ledger (id integer PRIMARY KEY, amount integer NOT NULL)")
        rows = [(number, BALANCE) for number in range(ACCOUNTS)]
        await self.adapter.executemany("INSERT INTO accounts VALUES ($1, $2)", rows)

    async def client(self) -> None:
        """One task's load: a read, a transfer, a cancelled transfer, a stream, at random."""
        while not self.stop:
            kind = random.choices(["read", "transfer", "cancelled", "stream"], [6, 3, 2, 1])[0]
            try:
                await getattr(self, kind)()
                self.counts[kind] += 1
            except TransactionOutcomeUnknown:
                self.counts["unknown"] += 1
            except DatabaseError as exc:
                self.counts[type(exc).__name__] += 1
                await asyncio.sleep(0.01)

    async def read(self) -> None:
        """A read that the framework would repeat."""
        await self.adapter.run("SELECT id, balance FROM accounts WHERE id = $1", (random.randrange(ACCOUNTS),))

    async def stream(self) -> None:
        """Every account, through a cursor; sometimes left in the middle."""
        async for _ in self.adapter.stream("SELECT id FROM accounts", (), chunk_size=10):
            if random.random() < 0.1:
                break

    async def transfer(self) -> None:
        """Money from one account to another, with a savepoint, written down in the ledger."""
        key = next(self.numbers)
        try:
            await self.move(key)
        except TransactionOutcomeUnknown:
            self.outcomes[key] = UNKNOWN
            raise

    @transaction(retries=5)
    async def move(self, key: int) -> None:
        """The transfer itself; a deadlock runs it again."""
        one, other = random.sample(range(ACCOUNTS), 2)
        amount = random.randint(1, 20)
        on_commit(lambda: self.outcomes.__setitem__(key, ACKNOWLEDGED))
        update = "UPDATE accounts SET balance = balance + $1 WHERE id = $2"
        await self.adapter.run_dml(update, (-amount, one))
        with contextlib.suppress(KeyError):
            async with transaction():
                await self.adapter.run_dml(update, (5, other))
                raise KeyError
        await self.adapter.run_dml(update, (amount, other))
        await self.adapter.run_dml("INSERT INTO ledger VALUES ($1, $2)", (key, amount))

    async def cancelled(self) -> None:
        """A transfer whose task is cancelled at any await."""
        task = asyncio.create_task(self.transfer())
        await asyncio.sleep(random.random() * 0.03)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def saboteur(self) -> None:
        """Terminate a few sessions every second; kill a backend, and with it all, every minute."""
        killed = time.monotonic()
        while not self.stop:
            await asyncio.sleep(1)
            with contextlib.suppress(DatabaseError):
                rows = await self.onlooker.fetch(
                    "SELECT pid FROM pg_stat_activity WHERE application_name = 'covet' ORDER BY random() LIMIT 2"
                )
                if time.monotonic() - killed > 60 and rows:
                    killed = time.monotonic()
                    self.cluster.signal_backend(rows[0][0], signal.SIGKILL)
                    self.counts["kill -9"] += 1
                    continue
                for row in rows:
                    await self.onlooker.fetch("SELECT pg_terminate_backend($1)", row[0])
                    self.counts["terminated"] += 1

    async def migrator(self) -> None:
        """Change the schema under the load every few seconds."""
        while not self.stop:
            await asyncio.sleep(5)
            for statement in ("ADD COLUMN extra text DEFAULT 'x'", "DROP COLUMN extra"):
                with contextlib.suppress(DatabaseError):
                    async with transaction():
                        await self.adapter.execute("SET LOCAL lock_timeout = '500ms'")
                        await self.adapter.execute(f"ALTER TABLE accounts {statement}")
                    self.counts["ddl"] += 1

    async def verdicts(self) -> list[str]:
        """What does not hold."""
        broken = []
        await asyncio.sleep(2)
        status = self.adapter.pool_status()
        if status["idle"] != status["open"] or status["waiting"] or status["opening"]:
            broken.append(f"the pool is not full: {status}")
        await self.adapter.close()
        total = await self.onlooker.fetch_value("SELECT sum(balance) FROM accounts")
        if total != ACCOUNTS * BALANCE:
            broken.append(f"the sum is {total}")
        written = {row[0] for row in await self.onlooker.fetch("SELECT id FROM ledger")}
        lost = sum(outcome == ACKNOWLEDGED and key not in written for key, outcome in enumerate(self.outcomes))
        if lost:
            broken.append(f"{lost} acknowledged transfers are not in the ledger")
        stray = sum(not self.outcomes[key] for key in written)
        if stray:
            broken.append(f"{stray} transfers are there that nobody knows of")
        idle = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
        if await self.onlooker.fetch_value(idle):
            broken.append("a session is idle in a transaction")
        left = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'covet'"
        if await self.onlooker.fetch_value(left):
            broken.append("sessions are left after close()")
        await self.onlooker.close()
        acknowledged, unknown = self.outcomes.count(ACKNOWLEDGED), self.outcomes.count(UNKNOWN)
        print(f"{dict(self.counts)}; {acknowledged} acknowledged, {unknown} unknown")
        return broken


def resident() -> int:
    """Resident memory of this process, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def main() -> None:
    """Run, say what is broken, exit accordingly."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--tasks", type=int, default=24)
    options = parser.parse_args()
    cluster = Cluster()
    cluster.start()
    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            broken = runner.run(Soak(cluster, options.minutes * 60, options.tasks).run())
    finally:
        cluster.remove()
    print("broken: " + "; ".join(broken) if broken else "all invariants hold")
    raise SystemExit(bool(broken))


if __name__ == "__main__":
    main()
