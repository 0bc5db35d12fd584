"""What `covet doctor` looks at: the installation, and the services that the project's settings name."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

import covet
from covet._version import __version__
from covet.conf import settings
from covet.exceptions import CovetError
from covet.portal import run
from covet_cli.project import enter

DISTRIBUTION = "covetpy"
Verdict = Literal["ok", "note", "bad"]


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    subject: str
    verdict: Verdict
    text: str


def examine_installation() -> Iterator[Finding]:
    """Python, this package and its optional parts."""
    supported = sys.version_info >= (3, 11)
    yield Finding("python", "ok" if supported else "bad", f"{platform.python_version()} ({sys.executable})")
    yield Finding("covetpy", "ok", f"{__version__} ({next(iter(covet.__path__))})")
    yield from examine_name()
    yield examine_speedups()
    for module, purpose in (("uvloop", "faster event loop"), ("httptools", "faster HTTP parser"), ("orjson", "JSON")):
        installed = find_spec(module) is not None
        yield Finding(module, "ok" if installed else "note", "installed" if installed else f"not installed: {purpose}")


def examine_name() -> Iterator[Finding]:
    """Whether another distribution installs a package `covet`, and hides or overwrites this one."""
    owners = {name for name in importlib.metadata.packages_distributions().get("covet", []) if name != DISTRIBUTION}
    if owners:
        names = ", ".join(sorted(owners))
        yield Finding("name", "bad", f"{names} also installs a package 'covet': pip uninstall {names}")


def examine_speedups() -> Finding:
    """Which twin of each hot module runs."""
    from covet._speedups import active

    pure = [name for name, twin in active().items() if twin == "pure"]
    if not pure:
        return Finding("speedups", "ok", f"compiled ({', '.join(active())})")
    return Finding(
        "speedups", "note", f"pure Python: {', '.join(pure)}. A C compiler at installation time makes them compiled."
    )


async def examine_database(alias: str) -> Finding:
    """Connects and asks for the version."""
    from covet.database.connections import connections

    adapter = connections[alias]
    query = "SELECT sqlite_version()" if adapter.vendor == "sqlite" else "SELECT version()"
    try:
        version = await adapter.fetch_value(query)
    except CovetError as error:
        return Finding(f"database {alias}", "bad", f"{adapter.config.safe_url}: {error}")
    return Finding(f"database {alias}", "ok", f"{adapter.config.safe_url}: {adapter.vendor} {version}")


def redis_address() -> str | None:
    """The Redis that the settings name, if any."""
    if settings.REDIS_URL:
        return settings.REDIS_URL
    locations = (cache.get("LOCATION", "") for cache in settings.CACHES.values())
    return next((str(place) for place in locations if str(place).startswith(("redis:", "rediss:", "unix:"))), None)


async def examine_redis() -> Finding:
    """Pings the Redis that the settings name."""
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    address = redis_address()
    if address is None:
        return Finding("redis", "note", "not configured: cache, tasks and channels live in the process")
    client = Redis.from_url(address)
    try:
        information = await client.info("server")
    except (RedisError, OSError) as error:
        return Finding("redis", "bad", f"{address}: {error}")
    finally:
        await client.aclose()
    return Finding("redis", "ok", f"{address}: {information['redis_version']}")


async def examine_services() -> list[Finding]:
    """The databases and the Redis of the entered project."""
    from covet.database.connections import connections

    return [*[await examine_database(alias) for alias in connections], await examine_redis()]


def examine_project() -> Iterator[Finding]:
    """The project in the current folder, if there is one."""
    try:
        root = enter()
    except CovetError as error:
        yield Finding("project", "note", str(error))
        return
    yield Finding("project", "ok", f"{root} ({settings.module_name}, DEBUG {'on' if settings.DEBUG else 'off'})")
    try:
        yield from run(examine_services())
    except CovetError as error:
        yield Finding("services", "bad", str(error))
