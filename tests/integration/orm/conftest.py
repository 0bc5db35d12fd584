"""The stage for tests of instances and relations, on each database."""

from __future__ import annotations

import pytest

from tests.integration.orm.shop import Stage


@pytest.fixture
def stage(database_url: str) -> Stage:
    """The shop's tables on each database in turn, in an empty one."""
    return Stage(database_url)
