"""`django.db` in front of our adapters: `connection`, `connections`, and sync cursors for raw SQL."""

from covet.database.orm.routers import DEFAULT_DB_ALIAS, router
from tests.django_suite.subjects.database.connection import connection, connections, reset_queries

__all__ = ["DEFAULT_DB_ALIAS", "connection", "connections", "reset_queries", "router"]
