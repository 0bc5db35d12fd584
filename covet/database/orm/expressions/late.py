"""Names that lower expression modules need from higher ones, filled in when those are imported.

`F('a') + 1` makes a `CombinedExpression`, which itself derives from what defines `+`: the circle is
broken here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Late:
    """Constructors declared by the modules above; each is set exactly once, at import."""

    combined: Callable[..., Any]
    negated: Callable[..., Any]
    value: Callable[..., Any]
    reference: Callable[..., Any]
    order_by: Callable[..., Any]
    condition: Callable[..., Any]
    composite: type[Any]
    without_hyphens: Callable[..., Any]
    coalesce: Callable[..., Any]
    cast: Callable[..., Any]
    check_condition: Callable[..., Any]


late = Late()
