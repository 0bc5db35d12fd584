"""CovetPy: Django's ORM and habits, awaited, on Starlette and SQLAlchemy Core."""

from covet._version import __version__
from covet.portal.runner import run

__all__ = ["__version__", "run"]
