"""The values of many instances, a column at a time: what bulk writes read, and convert for the driver.

A column whose values are all of the type that the driver takes is passed on after one look at its types; each
value of another column goes through its field, as in a write of one row.
"""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Final

from covet.database.orm.persistence.plans import SIMPLE, binder, checked_type, is_expression, native_type

Column = list[Any]


def read_column(field: Any, objs: Sequence[Any], *, raw: bool) -> Column:
    """What saving stores in `field` for each of `objs`.

    Args:
        field: the field.
        objs: instances of its model.
        raw: take the attributes as they are, without `pre_save`.
    """
    if raw or not field.has_pre_save:
        return list(map(attrgetter(field.attname), objs))
    return [field.pre_save(obj, add=True) for obj in objs]


def is_plain(column: Column) -> bool:
    """Whether no value of it is computed by the database."""
    return SIMPLE.issuperset(map(type, column)) or not any(map(is_expression, column))


def bind_column(field: Any, adapter: Any, column: Column) -> Column:
    """The column as the driver takes it."""
    bind = binder(field, adapter)
    kinds = set(map(type, column)) - {type(None)}
    if len(kinds) > 1:
        return list(map(bind, column))
    native = native_type(field, adapter)
    if native is not None and kinds <= {native}:
        return column
    checked = checked_type(field, adapter)
    if checked is None or kinds != {checked}:
        return list(map(bind, column))
    fits = _FITTING[checked]
    return [value if value is not None and fits(value) else bind(value) for value in column]


def _is_aware(moment: datetime.datetime) -> bool:
    return moment.tzinfo is not None


_FITTING: Final[dict[Any, Callable[[Any], bool]]] = {
    datetime.datetime: _is_aware,
    decimal.Decimal: decimal.Decimal.is_finite,
}
"""Types of which most values, but not all, reach the driver as they are."""
