"""Functions that compare and convert."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from typing import Any, Final

from covet.database.orm.expressions.func import Func
from covet.database.orm.expressions.identity import field_key
from covet.database.orm.expressions.late import late

_COLLATION: Final = re.compile(r"^[\w-]+$")


class Cast(Func):
    """The expression as another field's type."""

    function = "CAST"
    template = "%(function)s(%(expressions)s AS %(db_type)s)"

    def __init__(self, expression: Any, output_field: Any) -> None:
        super().__init__(expression, output_field=output_field)

    def _shape(self, out: list[Any]) -> Hashable:
        # The field's options are part of the SQL, so the field is always in the key.
        return (super()._shape(out), field_key(self.output_field))

    def as_sql(self, compiler: Any, connection: Any, **extra_context: Any) -> tuple[str, Sequence[Any]]:  # type: ignore[override]
        extra_context["db_type"] = self.output_field.cast_db_type(connection)
        return super().as_sql(compiler, connection, **extra_context)

    def as_sqlite(self, compiler: Any, connection: Any, **extra_context: Any) -> tuple[str, Sequence[Any]]:
        """Dates and times are text there, kept with their fractions."""
        db_type = self.output_field.db_type(connection)
        if db_type in {"datetime", "time"}:
            pattern = "%%%%H:%%%%M:%%%%f" if db_type == "time" else "%%%%Y-%%%%m-%%%%d %%%%H:%%%%M:%%%%f"
            template = f"strftime('{pattern}', %(expressions)s)"
            return super().as_sql(compiler, connection, template=template, **extra_context)
        if db_type == "date":
            return super().as_sql(compiler, connection, template="date(%(expressions)s)", **extra_context)
        return self.as_sql(compiler, connection, **extra_context)

    def as_mysql(self, compiler: Any, connection: Any, **extra_context: Any) -> tuple[str, Sequence[Any]]:
        """MariaDB casts to neither float nor JSON by name."""
        template = None
        internal_type = self.output_field.get_internal_type()
        if internal_type == "FloatField":
            template = "(%(expressions)s + 0.0)"
        elif internal_type == "JSONField":
            template = "JSON_EXTRACT(%(expressions)s, '$')"
        return self.as_sql(compiler, connection, template=template, **extra_context)

    def as_postgresql(self, compiler: Any, connection: Any, **extra_context: Any) -> tuple[str, Sequence[Any]]:
        """The short form."""
        return self.as_sql(compiler, connection, template="(%(expressions)s)::%(db_type)s", **extra_context)


CAST_TYPES: Final[dict[str, dict[str, str]]] = {
    "postgresql": {"AutoField": "integer", "BigAutoField": "bigint", "SmallAutoField": "smallint"},
    "sqlite": {},
    "mysql": {
        "AutoField": "signed integer",
        "BigAutoField": "signed integer",
        "SmallAutoField": "signed integer",
        "CharField": "char(%(max_length)s)",
        "DecimalField": "decimal(%(max_digits)s, %(decimal_places)s)",
        "TextField": "char",
        "IntegerField": "signed integer",
        "BigIntegerField": "signed integer",
        "SmallIntegerField": "signed integer",
        "PositiveBigIntegerField": "unsigned integer",
        "PositiveIntegerField": "unsigned integer",
        "PositiveSmallIntegerField": "unsigned integer",
        "DurationField": "signed integer",
    },
}
_UNBOUNDED_TEXT: Final = {"postgresql": "varchar", "sqlite": "text", "mysql": "char"}


def cast_type(field: Any, connection: Any) -> str:
    """The name of a field's type in a CAST, where it differs from that of its column."""
    vendor: str = connection if isinstance(connection, str) else connection.vendor
    internal_type = field.get_internal_type()
    if internal_type == "CharField" and field.max_length is None:
        return _UNBOUNDED_TEXT[vendor]
    template = CAST_TYPES[vendor].get(internal_type)
    if template is not None:
        return template % vars(field) if "%" in template else template
    found: str = field.db_type(connection)
    return found


class Coalesce(Func):
    """The first argument that is not NULL."""

    function = "COALESCE"

    def __init__(self, *expressions: Any, **extra: Any) -> None:
        if len(expressions) < 2:
            raise ValueError("Coalesce must take at least two expressions")
        super().__init__(*expressions, **extra)

    @property
    def empty_result_set_value(self) -> Any:
        """The first argument's value that is not None."""
        for expression in self.get_source_expressions():
            result = expression.empty_result_set_value
            if result is NotImplemented or result is not None:
                return result
        return None


class Collate(Func):
    """Text compared and ordered by another collation."""

    function = "COLLATE"
    template = "%(expressions)s %(function)s %(collation)s"
    allowed_default: bool = False

    def __init__(self, expression: Any, collation: str) -> None:
        if not (collation and _COLLATION.match(collation)):
            raise ValueError(f"Invalid collation name: {collation!r}.")
        self.collation = collation
        super().__init__(expression)

    def as_sql(self, compiler: Any, connection: Any, **extra_context: Any) -> tuple[str, Sequence[Any]]:  # type: ignore[override]
        extra_context.setdefault("collation", connection.ops.quote_name(self.collation))
        return super().as_sql(compiler, connection, **extra_context)


class Greatest(Func):
    """The greatest argument; PostgreSQL disregards NULLs, the others return NULL for any."""

    function = "GREATEST"

    def __init__(self, *expressions: Any, **extra: Any) -> None:
        if len(expressions) < 2:
            raise ValueError(f"{type(self).__name__} must take at least two expressions")
        super().__init__(*expressions, **extra)

    def as_sqlite(self, compiler: Any, connection: Any, **extra_context: Any) -> tuple[str, Sequence[Any]]:
        """MAX of several arguments."""
        return super().as_sqlite(compiler, connection, function="MAX", **extra_context)


class Least(Func):
    """The least argument; PostgreSQL disregards NULLs, the others return NULL for any."""

    function = "LEAST"

    def __init__(self, *expressions: Any, **extra: Any) -> None:
        if len(expressions) < 2:
            raise ValueError(f"{type(self).__name__} must take at least two expressions")
        super().__init__(*expressions, **extra)

    def as_sqlite(self, compiler: Any, connection: Any, **extra_context: Any) -> tuple[str, Sequence[Any]]:
        """MIN of several arguments."""
        return super().as_sqlite(compiler, connection, function="MIN", **extra_context)


class NullIf(Func):
    """NULL where both arguments are equal, else the first."""

    function = "NULLIF"
    arity = 2


late.coalesce = Coalesce
late.cast = Cast
