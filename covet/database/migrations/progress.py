"""Signs of life from a migration that takes long: how long it runs, and how far PostgreSQL says that it is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from covet.database.adapters.base import Adapter
from covet.database.migrations.session import open_session
from covet.exceptions import DatabaseError

_BUILDING = """
SELECT c.relname, p.phase,
       CASE WHEN p.blocks_total > 0 THEN 100 * p.blocks_done / p.blocks_total
            WHEN p.tuples_total > 0 THEN 100 * p.tuples_done / p.tuples_total END
FROM pg_stat_progress_create_index p JOIN pg_class c ON c.oid = p.relid WHERE p.datname = current_database() LIMIT 1
"""


@asynccontextmanager
async def told(adapter: Adapter, title: str, say: Callable[[str], None], *, every: float = 10.0) -> AsyncIterator[None]:
    """While the body runs, say so from time to time.

    Args:
        adapter: the database.
        title: what runs.
        say: told.
        every: seconds between two lines; what ends sooner says nothing.
    """
    began = time.monotonic()

    async def watch() -> None:
        while True:
            await asyncio.sleep(every)
            say(f"{title} has been running for {time.monotonic() - began:.0f} s{await _detail(adapter)}")

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


async def _detail(adapter: Adapter) -> str:
    """Where PostgreSQL is with an index; nothing on other databases, and nothing when it cannot be asked."""
    if adapter.vendor != "postgresql":
        return ""
    with suppress(DatabaseError):
        async with open_session(adapter) as session:
            rows = await session.fetch(_BUILDING)
        if rows:
            table, phase, percent = rows[0]
            return f": index on {table}, {phase}" + (f", {percent} %" if percent is not None else "")
    return ""
