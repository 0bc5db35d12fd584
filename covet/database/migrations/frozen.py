"""Frozen models: what `run_python` sees, made from the tables as they are at that point of the history."""

from __future__ import annotations

from typing import Any

from covet.database.migrations.session import Session
from covet.exceptions import NotSupportedError


async def frozen_apps(session: Session) -> Any:
    """The models of this point of the history."""
    raise NotSupportedError("frozen models are not made yet")
