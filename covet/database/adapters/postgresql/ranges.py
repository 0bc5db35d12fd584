"""PostgreSQL's ranges as the driver takes and gives them; only the ORM's range fields ask."""

from __future__ import annotations

from typing import Any

import asyncpg


def to_driver(lower: Any, upper: Any, *, lower_inc: bool, upper_inc: bool, empty: bool) -> Any:
    """The driver's range."""
    return asyncpg.Range(lower, upper, lower_inc=lower_inc, upper_inc=upper_inc, empty=empty)


def is_driver_range(value: object) -> bool:
    """Whether `value` is the driver's range."""
    return isinstance(value, asyncpg.Range)
