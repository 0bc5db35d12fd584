"""`python -m tests.differential --db postgres --cases 20000`: compare both frameworks on one database."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

from covet.portal import install, portal
from tests.differential.comparison import Comparison, first_seed
from tests.differential.covet_side import CovetSide
from tests.differential.django_side import DjangoSide
from tests.django_suite import servers

ALIASES = ("default",)


def main() -> int:
    """The exit status: 0 when nothing differed."""
    parser = argparse.ArgumentParser(prog="differential", description="Ask Django and CovetPy the same questions.")
    parser.add_argument("--db", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=None, help="the first seed; the environment's or a random one")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    servers.start(options.db)
    server = servers.server_for(options.db)
    server.recreate(ALIASES)
    with tempfile.TemporaryDirectory() as folder:
        try:
            return asyncio.run(_inside(options, server, Path(folder)))
        finally:
            server.drop(ALIASES)


async def _inside(options: argparse.Namespace, server: servers.Server, folder: Path) -> int:
    install(asyncio.get_running_loop())
    return await portal(_compare(options, server, folder))


async def _compare(options: argparse.Namespace, server: servers.Server, folder: Path) -> int:
    from covet.database.connections import connections

    theirs, ours = _configurations(server, folder)
    comparison = Comparison(DjangoSide(theirs), CovetSide(ours))
    comparison.django.create_tables()
    started = time.perf_counter()
    chosen = first_seed() if options.seed is None else options.seed
    try:
        comparison.run(cases=options.cases, first_seed=chosen)
    finally:
        comparison.django.connection.close()
        await connections.close_all(0)
    seconds = time.perf_counter() - started
    count = len(comparison.differences)
    print(f"{count} differences in {comparison.cases} cases on {options.db}, {seconds:.0f} s; {comparison.outcomes}")
    return 1 if comparison.differences else 0


def _configurations(server: servers.Server, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    if server.vendor == "sqlite":
        file = str(folder / "differential.sqlite3")
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": file}, {"engine": "sqlite", "database": file}
    name = server.database("default")
    theirs = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": server.user,
        "PASSWORD": server.password,
        "HOST": server.host,
        "PORT": server.port,
    }
    ours = {
        "engine": "postgresql",
        "database": name,
        "user": server.user,
        "password": server.password,
        "host": server.host,
        "port": server.port,
    }
    return theirs, ours


if __name__ == "__main__":
    sys.exit(main())
