"""The field that keeps the order of rows below their parent (`order_with_respect_to`)."""

from __future__ import annotations

from typing import Any

from covet.database.orm.fields.numeric import IntegerField


class OrderWrt(IntegerField):
    """The column `_order`."""

    is_order = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["name"] = "_order"
        kwargs["editable"] = False
        super().__init__(*args, **kwargs)
