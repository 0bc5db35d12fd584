"""What QuerySets need of the floors above them; each is set once, when that floor is imported."""

from __future__ import annotations

from typing import Any


class Late:
    """Constructors of the floors above."""

    collector: Any
    prefetch: Any


late = Late()
