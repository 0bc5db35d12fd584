"""The databases' own command-line clients: how each is called for a `DatabaseConfig`."""

from __future__ import annotations

from dataclasses import dataclass

from covet.database.config import DatabaseConfig


@dataclass(frozen=True)
class Client:
    """A program to become; the secret travels in its environment, where `ps` does not show it."""

    program: str
    arguments: tuple[str, ...]
    environment: dict[str, str]


def client_for(config: DatabaseConfig) -> Client:
    """The client that opens a database."""
    if config.vendor == "sqlite":
        return Client("sqlite3", (config.database,), {})
    host, port = next(config.addresses())
    if config.vendor == "postgresql":
        user = ("-U", config.user) if config.user else ()
        secret = {"PGPASSWORD": config.password} if config.password else {}
        return Client("psql", ("-h", host, "-p", str(port), *user, config.database), secret)
    user = ("-u", config.user) if config.user else ()
    secret = {"MYSQL_PWD": config.password} if config.password else {}
    return Client("mysql", ("-h", host, "-P", str(port), *user, config.database), secret)
