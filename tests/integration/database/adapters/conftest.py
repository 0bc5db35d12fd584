"""An adapter on each database, in a loop of the test's own."""

from tests.integration.database.running import adapter, pytest_pyfunc_call

__all__ = ["adapter", "pytest_pyfunc_call"]
