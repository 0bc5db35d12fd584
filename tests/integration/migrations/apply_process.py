"""Applies a folder's migrations in a process of its own: `python -m ... URL FOLDER`; prints what happens."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from covet.database.config import DatabaseConfig
from covet.database.connections import connections
from covet.database.connections.registry import make_adapter
from covet.database.migrations import files
from covet.database.migrations.frozen import frozen_apps
from covet.database.migrations.runner import Runner


def say(text: str) -> None:
    print(text, flush=True)


async def main(url: str, folder: str) -> None:
    adapter = make_adapter(DatabaseConfig(url=url))
    connections.configure({"default": url})
    connections["default"] = adapter
    runner = Runner(adapter, files.load({"": Path(folder)}), say=say, apps=frozen_apps)
    await runner.apply(
        started=lambda each: say(f"started {each.name}"), finished=lambda done: say(f"done {done.file.name}")
    )
    await adapter.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
