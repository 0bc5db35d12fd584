"""Whether the databases answer: for readiness probes, the start of an application, and `covet doctor`."""

from __future__ import annotations

import asyncio
import logging
import os

from covet.database.connections.registry import connections
from covet.utils.health import register_check

logger = logging.getLogger("covet.database")


async def ping(alias: str) -> None:
    """Ask the database for `SELECT 1`.

    Raises:
        OperationalError: it cannot be reached, or no connection became free.
    """
    await connections[alias].run("SELECT 1", ())


async def check_databases() -> None:
    """Ask every configured database; replicas too."""
    await asyncio.gather(*[ping(alias) for alias in connections])


async def check_pools(workers: int | None = None) -> list[str]:
    """Hold pool sizes times workers against each server's max_connections; logs and returns the warnings.

    Args:
        workers: processes that serve; by default WEB_CONCURRENCY or 1.
    """
    count = workers or int(os.environ.get("WEB_CONCURRENCY", "1") or 1)
    warnings = []
    for alias in connections:
        warning = await connections[alias].check_pool(count)
        if warning is not None:
            logger.warning("%s", warning)
            warnings.append(warning)
    return warnings


register_check("database", check_databases)
