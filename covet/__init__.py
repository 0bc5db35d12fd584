"""CovetPy: Django's ORM and habits, awaited, on Starlette and SQLAlchemy Core."""

from covet.portal import run

__all__ = ["run"]
