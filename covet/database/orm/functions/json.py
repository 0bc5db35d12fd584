"""Functions that make JSON documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from covet.database.orm.expressions.func import Func
from covet.database.orm.expressions.outputs import OutputField, output
from covet.database.orm.expressions.values import Value
from covet.database.orm.functions.comparison import Cast


class JSONArray(Func):
    """An array of the arguments."""

    function = "JSON_ARRAY"
    output_field = OutputField("JSONField")

    def as_postgresql(self, compiler: Any, connection: Any, **extra_context: Any) -> tuple[str, Sequence[Any]]:
        """JSONB_BUILD_ARRAY of typed arguments."""
        clone = self.copy()
        clone.set_source_expressions(
            [
                source if isinstance(source, Cast) else Cast(source, source.output_field)
                for source in self.get_source_expressions()
            ]
        )
        return clone.as_sql(compiler, connection, function="JSONB_BUILD_ARRAY", **extra_context)  # type: ignore[no-any-return]


class JSONObject(Func):
    """An object of the keyword arguments."""

    function = "JSON_OBJECT"
    output_field = OutputField("JSONField")

    def __init__(self, **fields: Any) -> None:
        super().__init__(*(part for key, value in fields.items() for part in (Value(key), value)))

    def as_postgresql(self, compiler: Any, connection: Any, **extra_context: Any) -> tuple[str, Sequence[Any]]:
        """JSONB_BUILD_OBJECT with keys of a known type."""
        clone = self.copy()
        clone.set_source_expressions(
            [
                Cast(source, output("TextField")) if index % 2 == 0 else source
                for index, source in enumerate(self.get_source_expressions())
            ]
        )
        return clone.as_sql(compiler, connection, function="JSONB_BUILD_OBJECT", **extra_context)  # type: ignore[no-any-return]
