"""The state of one instance: where it lives, whether it is new, what relations it holds. Hydration makes thousands."""

from typing import TYPE_CHECKING

from covet._speedups import select

if TYPE_CHECKING:
    from covet._speedups._hydration_py import ModelState
else:
    ModelState = select("hydration").ModelState

__all__ = ["ModelState"]
