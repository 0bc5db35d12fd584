"""Databases: configuration, adapters, leases, transactions, the ORM and its schema migrations."""

from covet.database.config import DatabaseConfig
from covet.database.connections.registry import connections, get_adapter
from covet.database.transaction.manager import transaction

__all__ = ["DatabaseConfig", "connections", "get_adapter", "transaction"]
