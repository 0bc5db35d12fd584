"""Configured databases by alias: `connections["default"]`, `await get_adapter()`."""

from covet.database.connections.registry import Connections, connections, get_adapter

__all__ = ["Connections", "connections", "get_adapter"]
