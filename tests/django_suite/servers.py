"""The database servers of a run: one private pair of databases each, dropped at the end."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from tests.services import VARIABLES, Services, create_database, drop_database

VENDORS: Final = ("sqlite", "postgres", "mysql")
SERVICES: Final = {"postgres": "postgresql", "mysql": "mysql"}


@dataclass(frozen=True, kw_only=True)
class Server:
    """Where a database server answers, and the names of this run's databases."""

    vendor: str
    host: str = ""
    port: int = 0
    user: str = ""
    password: str = ""
    url: str = ""

    def database(self, alias: str) -> str:
        """The name of this process's database for `alias`."""
        return ":memory:" if self.vendor == "sqlite" else f"django_suite_{alias}_{os.getpid()}"

    def recreate(self, aliases: tuple[str, ...]) -> None:
        """Make the databases, empty."""
        self._each(create_database, aliases)

    def drop(self, aliases: tuple[str, ...]) -> None:
        """Drop the databases, open connections included."""
        self._each(drop_database, aliases)

    def _each(self, administer: Callable[[str, str], Any], aliases: tuple[str, ...]) -> None:
        if self.vendor == "sqlite":
            return
        # In a thread: it runs an event loop of its own, and may be called from inside one.
        with ThreadPoolExecutor(max_workers=1) as thread:
            for alias in aliases:
                thread.submit(administer, self.url, self.database(alias)).result()


def start(vendor: str) -> None:
    """Find or start the server of `vendor`; this process and its children find its address in the environment.

    Raises:
        ServiceUnavailable: there is none, and none can be started.
    """
    if vendor in SERVICES:
        service = SERVICES[vendor]
        folder = Path(tempfile.gettempdir(), f"covet-django-suite-{os.getuid()}-{os.getpid()}")
        os.environ[VARIABLES[service]] = Services(folder, os.getpid()).url(service)


def server_for(vendor: str) -> Server:
    """The server of `vendor` that its environment variable names.

    Raises:
        ValueError: for a vendor that is not one of VENDORS.
    """
    if vendor not in VENDORS:
        raise ValueError(f"there is no database {vendor!r}; choose one of: {', '.join(VENDORS)}")
    if vendor == "sqlite":
        return Server(vendor=vendor)
    url = os.environ[VARIABLES[SERVICES[vendor]]]
    parts = urlsplit(url)
    return Server(
        vendor=vendor,
        host=parts.hostname or "127.0.0.1",
        port=parts.port or (5432 if vendor == "postgres" else 3306),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        url=url,
    )
