"""What tests leave in the database that they share: dropped after each, so that the next finds it empty."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any
from urllib.parse import urlsplit

SYSTEM = "n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"
ANYTHING = f"""
SELECT EXISTS (SELECT 1 FROM pg_namespace n WHERE {SYSTEM} AND n.nspname <> 'public')
    OR EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {SYSTEM})
    OR EXISTS (SELECT 1 FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE {SYSTEM})
    OR EXISTS (SELECT 1 FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {SYSTEM})
    OR NOT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = 'public')
"""
SCHEMAS = f"SELECT quote_ident(n.nspname) FROM pg_namespace n WHERE {SYSTEM}"
OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


class Sweeper:
    """Empties one worker's database over a connection of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._loop = asyncio.new_event_loop()
        self._connection: Any = None

    def sweep(self) -> None:
        """Drop everything, if there is anything."""
        work = self._sweep_postgresql if self.url.startswith("postgresql") else self._sweep_mysql
        try:
            self._loop.run_until_complete(work())
        except Exception:
            # A test may have broken every connection to the server, ours among them.
            self._forget()
            self._loop.run_until_complete(work())

    def close(self) -> None:
        """Give the connection up."""
        self._forget()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def _forget(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                getattr(connection, "terminate", connection.close)()

    async def _sweep_postgresql(self) -> None:
        import asyncpg

        if self._connection is None:
            self._connection = await asyncpg.connect(self.url)
        connection = self._connection
        if not await connection.fetchval(ANYTHING):
            return
        # Sessions that a test left open would hold locks.
        await connection.execute(OTHERS)
        for (schema,) in await connection.fetch(SCHEMAS):
            await connection.execute(f"DROP SCHEMA {schema} CASCADE")
        await connection.execute("CREATE SCHEMA public")

    async def _sweep_mysql(self) -> None:
        import asyncmy

        parts = urlsplit(self.url)
        name = parts.path.lstrip("/")
        if self._connection is None:
            self._connection = await asyncmy.connect(
                host=parts.hostname,
                port=parts.port or 3306,
                user=parts.username,
                password=parts.password or "",
                database=name,
                autocommit=True,
            )
        async with self._connection.cursor() as cursor:
            await cursor.execute("SHOW FULL TABLES")
            tables = await cursor.fetchall()
            if not tables:
                return
            await cursor.execute(
                "SELECT id FROM information_schema.processlist WHERE db = %s AND id <> connection_id()", (name,)
            )
            for (session,) in await cursor.fetchall():
                with contextlib.suppress(asyncmy.errors.Error):
                    await cursor.execute(f"KILL {int(session)}")
            await cursor.execute("SET foreign_key_checks = 0")
            for table, kind in tables:
                await cursor.execute(f"DROP {'VIEW' if kind == 'VIEW' else 'TABLE'} `{table}`")
            await cursor.execute("SET foreign_key_checks = 1")
