"""What functions of numbers and durations share."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from typing import Any

from covet.database.orm.expressions.func import Func
from covet.database.orm.expressions.late import late
from covet.database.orm.expressions.outputs import field_class, is_a, output


@functools.cache
def _wide_decimal() -> Any:
    return field_class("DecimalField")(decimal_places=sys.float_info.dig, max_digits=1000)


class FixDecimalInputMixin(Func):
    """Floats become decimals on PostgreSQL, which has no LOG or MOD of two floats."""

    def as_postgresql(self, compiler: Any, connection: Any, **extra_context: Any) -> tuple[str, Sequence[Any]]:
        """The call with its floats cast."""
        clone = self.copy()
        clone.set_source_expressions(
            [
                late.cast(source, _wide_decimal()) if is_a(source.output_field, "FloatField") else source
                for source in self.get_source_expressions()
            ]
        )
        return clone.as_sql(compiler, connection, **extra_context)  # type: ignore[no-any-return]


class FixDurationInputMixin(Func):
    """Durations are microseconds on MySQL, and stay integers when aggregated."""

    def as_mysql(self, compiler: Any, connection: Any, **extra_context: Any) -> tuple[str, Sequence[Any]]:
        """The call, cast when it is a duration."""
        text, params = super().as_sql(compiler, connection, **extra_context)
        if self.output_field.get_internal_type() == "DurationField":
            text = f"CAST({text} AS SIGNED)"
        return text, params


class NumericOutputFieldMixin(Func):
    """Decimal when a source is; a float of integers; else what the sources are."""

    def _resolve_output_field(self) -> Any:
        fields = self.get_source_fields()
        if any(is_a(field, "DecimalField") for field in fields):
            return output("DecimalField")
        if any(is_a(field, "IntegerField") for field in fields):
            return output("FloatField")
        return super()._resolve_output_field() if fields else output("FloatField")
