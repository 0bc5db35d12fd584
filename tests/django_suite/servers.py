"""The database servers of a run: one private pair of databases each, dropped at the end."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from tests.services import VARIABLES, Services

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
    maintenance: str = ""

    def database(self, alias: str) -> str:
        """The name of this process's database for `alias`."""
        return ":memory:" if self.vendor == "sqlite" else f"django_suite_{alias}_{os.getpid()}"

    def recreate(self, aliases: tuple[str, ...]) -> None:
        """Make the databases, empty."""
        self.drop(aliases)
        suffix = " CHARACTER SET utf8mb4" if self.vendor == "mysql" else ""
        self._execute([f"CREATE DATABASE {self.database(alias)}{suffix}" for alias in aliases])

    def drop(self, aliases: tuple[str, ...]) -> None:
        """Drop the databases, open connections included."""
        force = " WITH (FORCE)" if self.vendor == "postgres" else ""
        self._execute([f"DROP DATABASE IF EXISTS {self.database(alias)}{force}" for alias in aliases])

    def _execute(self, statements: list[str]) -> None:
        if self.vendor == "sqlite":
            return
        with self._connect() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def _connect(self) -> Any:
        if self.vendor == "postgres":
            import psycopg

            return psycopg.connect(
                host=self.host,
                port=self.port,
                user=self.user,
                password=self.password,
                dbname=self.maintenance,
                autocommit=True,
            )
        import pymysql

        return pymysql.connect(host=self.host, port=self.port, user=self.user, password=self.password, autocommit=True)


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
    parts = urlsplit(os.environ[VARIABLES[SERVICES[vendor]]])
    return Server(
        vendor=vendor,
        host=parts.hostname or "127.0.0.1",
        port=parts.port or (5432 if vendor == "postgres" else 3306),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        maintenance=parts.path.lstrip("/"),
    )
