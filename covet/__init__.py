"""CovetPy: Django's ORM and habits, awaited, on Starlette and SQLAlchemy Core."""
