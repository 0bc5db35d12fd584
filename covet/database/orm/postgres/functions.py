"""PostgreSQL's functions and its array subquery."""

from __future__ import annotations

from typing import Any

from covet.database.orm.expressions.func import Func
from covet.database.orm.expressions.outputs import OutputField, field_class
from covet.database.orm.expressions.subquery import Subquery


class RandomUUID(Func):
    """A random UUID."""

    template = "GEN_RANDOM_UUID()"
    output_field = OutputField("UUIDField")


class TransactionNow(Func):
    """The time when the transaction began."""

    template = "CURRENT_TIMESTAMP"
    output_field = OutputField("DateTimeField")


class ArraySubquery(Subquery):
    """The values of a QuerySet's one column, as an array."""

    template = "ARRAY(%(subquery)s)"

    def _resolve_output_field(self) -> Any:
        return field_class("ArrayField")(self.query.output_field)
