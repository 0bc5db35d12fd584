"""What fields need of the floors above them; each name is filled when that floor is imported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Late:
    """Callables declared above.

    Attributes:
        check_field: field -> its problems.
        load_field: (app label, model name, field name) -> field; what unpickling calls.
    """

    load_field: Callable[..., Any]
    check_field: Callable[..., Any]


late = Late()
