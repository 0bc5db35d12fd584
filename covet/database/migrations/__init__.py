"""Schema migrations: how a live database's tables follow the models; leaving Django is `covet.migration`."""

from __future__ import annotations

from covet.database.migrations.migration import Irreversible, Migration
from covet.database.migrations.operations.columns import KEEP

__all__ = ["KEEP", "Irreversible", "Migration"]
