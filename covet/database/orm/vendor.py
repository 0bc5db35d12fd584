"""The vendor of the default database, for what depends on it before any query."""

from __future__ import annotations

from covet.database.connections import connections
from covet.exceptions import ConnectionDoesNotExist, ImproperlyConfigured


def default_vendor() -> str:
    """The vendor of the default database; PostgreSQL where none is configured."""
    try:
        return str(connections["default"].vendor)
    except (ConnectionDoesNotExist, ImproperlyConfigured):
        return "postgresql"
