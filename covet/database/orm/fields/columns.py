"""DDL types: what each kind of field is called in each database, as Django names them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from covet.database.orm import types

POSTGRESQL: Final[dict[str, str]] = {
    "AutoField": "integer",
    "BigAutoField": "bigint",
    "SmallAutoField": "smallint",
    "BinaryField": "bytea",
    "BooleanField": "boolean",
    "CharField": "varchar({max_length})",
    "DateField": "date",
    "DateTimeField": "timestamp with time zone",
    "DecimalField": "numeric({max_digits}, {decimal_places})",
    "DurationField": "interval",
    "FileField": "varchar({max_length})",
    "FilePathField": "varchar({max_length})",
    "FloatField": "double precision",
    "IntegerField": "integer",
    "BigIntegerField": "bigint",
    "IPAddressField": "inet",
    "GenericIPAddressField": "inet",
    "JSONField": "jsonb",
    "OneToOneField": "integer",
    "PositiveBigIntegerField": "bigint",
    "PositiveIntegerField": "integer",
    "PositiveSmallIntegerField": "smallint",
    "SlugField": "varchar({max_length})",
    "SmallIntegerField": "smallint",
    "TextField": "text",
    "TimeField": "time",
    "UUIDField": "uuid",
}

SQLITE: Final[dict[str, str]] = {
    "AutoField": "integer",
    "BigAutoField": "integer",
    "SmallAutoField": "integer",
    "BinaryField": "BLOB",
    "BooleanField": "bool",
    "CharField": "varchar({max_length})",
    "DateField": "date",
    "DateTimeField": "datetime",
    "DecimalField": "decimal",
    "DurationField": "bigint",
    "FileField": "varchar({max_length})",
    "FilePathField": "varchar({max_length})",
    "FloatField": "real",
    "IntegerField": "integer",
    "BigIntegerField": "bigint",
    "IPAddressField": "char(15)",
    "GenericIPAddressField": "char(39)",
    "JSONField": "text",
    "OneToOneField": "integer",
    "PositiveBigIntegerField": "bigint unsigned",
    "PositiveIntegerField": "integer unsigned",
    "PositiveSmallIntegerField": "smallint unsigned",
    "SlugField": "varchar({max_length})",
    "SmallIntegerField": "smallint",
    "TextField": "text",
    "TimeField": "time",
    "UUIDField": "char(32)",
}

MYSQL: Final[dict[str, str]] = {
    "AutoField": "integer AUTO_INCREMENT",
    "BigAutoField": "bigint AUTO_INCREMENT",
    "SmallAutoField": "smallint AUTO_INCREMENT",
    "BinaryField": "longblob",
    "BooleanField": "bool",
    "CharField": "varchar({max_length})",
    "DateField": "date",
    "DateTimeField": "datetime(6)",
    "DecimalField": "numeric({max_digits}, {decimal_places})",
    "DurationField": "bigint",
    "FileField": "varchar({max_length})",
    "FilePathField": "varchar({max_length})",
    "FloatField": "double precision",
    "IntegerField": "integer",
    "BigIntegerField": "bigint",
    "IPAddressField": "char(15)",
    "GenericIPAddressField": "char(39)",
    "JSONField": "json",
    "OneToOneField": "integer",
    "PositiveBigIntegerField": "bigint UNSIGNED",
    "PositiveIntegerField": "integer UNSIGNED",
    "PositiveSmallIntegerField": "smallint UNSIGNED",
    "SlugField": "varchar({max_length})",
    "SmallIntegerField": "smallint",
    "TextField": "longtext",
    "TimeField": "time(6)",
    "UUIDField": "char(32)",
}

MARIADB: Final[dict[str, str]] = {**MYSQL, "UUIDField": "uuid"}

TYPES: Final[dict[str, dict[str, str]]] = {
    "postgresql": POSTGRESQL,
    "sqlite": SQLITE,
    "mysql": MYSQL,
    "mariadb": MARIADB,
}

POSITIVE: Final = frozenset({"PositiveBigIntegerField", "PositiveIntegerField", "PositiveSmallIntegerField"})
AUTO: Final = frozenset({"AutoField", "BigAutoField", "SmallAutoField"})

INTEGER_RANGES: Final[dict[str, tuple[int, int]]] = {
    "SmallIntegerField": (-(2**15), 2**15 - 1),
    "IntegerField": (-(2**31), 2**31 - 1),
    "BigIntegerField": (-(2**63), 2**63 - 1),
    "PositiveSmallIntegerField": (0, 2**15 - 1),
    "PositiveIntegerField": (0, 2**31 - 1),
    "PositiveBigIntegerField": (0, 2**63 - 1),
    "SmallAutoField": (-(2**15), 2**15 - 1),
    "AutoField": (-(2**31), 2**31 - 1),
    "BigAutoField": (-(2**63), 2**63 - 1),
}

MYSQL_RANGES: Final[dict[str, tuple[int, int]]] = {
    **INTEGER_RANGES,
    "PositiveSmallIntegerField": (0, 2**16 - 1),
    "PositiveIntegerField": (0, 2**32 - 1),
    "PositiveBigIntegerField": (0, 2**64 - 1),
}

SQLITE_RANGES: Final[dict[str, tuple[int | None, int | None]]] = {
    name: (0 if name in POSITIVE else -(2**63), 2**63 - 1) for name in INTEGER_RANGES
}
SQLITE_UNBOUNDED: Final = 2**63 - 1


def ddl_type(internal_type: str, options: dict[str, Any], vendor: str) -> str | None:
    """The DDL type of a field; None when the database has none for that kind.

    Args:
        internal_type: the field's `get_internal_type()`.
        options: `max_length`, `max_digits`, `decimal_places`.
        vendor: `postgresql`, `sqlite`, `mysql` or `mariadb`.
    """
    template = TYPES[vendor].get(internal_type)
    if template is None:
        return None
    if "{max_length}" in template and options.get("max_length") is None:
        return "varchar"
    if "{max_digits}" in template and options.get("max_digits") is None:
        return "numeric"
    return template.format(**options)


def ddl_check(internal_type: str, quoted: str, vendor: str) -> str | None:
    """The CHECK that a column of that kind has, `quoted` being its quoted name."""
    if internal_type in POSITIVE:
        return f"{quoted} >= 0"
    if internal_type == "JSONField" and vendor == "sqlite":
        return f"(JSON_VALID({quoted}) OR {quoted} IS NULL)"
    return None


def ddl_suffix(internal_type: str, vendor: str) -> str | None:
    """What follows the column definition."""
    if internal_type in AUTO:
        return {"sqlite": "AUTOINCREMENT", "postgresql": "GENERATED BY DEFAULT AS IDENTITY"}.get(vendor)
    return None


def integer_range(internal_type: str, vendor: str) -> tuple[int | None, int | None]:
    """The least and the greatest value that a column of that kind can hold."""
    if vendor == "sqlite":
        return SQLITE_RANGES.get(internal_type, (None, None))
    ranges = INTEGER_RANGES if vendor == "postgresql" else MYSQL_RANGES
    return ranges.get(internal_type, (None, None))


STORAGE: Final[dict[str, Callable[[types.Spelling, Any], types.Storage]]] = {
    "AutoField": lambda spelling, _: types.Integer(spelling),
    "BigAutoField": lambda spelling, _: types.BigInteger(spelling),
    "SmallAutoField": lambda spelling, _: types.SmallInteger(spelling),
    "BinaryField": lambda spelling, _: types.Binary(spelling),
    "BooleanField": lambda spelling, _: types.Boolean(spelling),
    "CharField": lambda spelling, field: types.Char(spelling, field.max_length),
    "DateField": lambda spelling, _: types.Date(spelling),
    "DateTimeField": lambda spelling, _: types.DateTime(spelling),
    "DecimalField": lambda spelling, field: types.Numeric(
        spelling, getattr(field, "max_digits", None), getattr(field, "decimal_places", None)
    ),
    "DurationField": lambda spelling, _: types.Duration(spelling),
    "FileField": lambda spelling, field: types.Char(spelling, field.max_length),
    "FilePathField": lambda spelling, field: types.Char(spelling, field.max_length),
    "FloatField": lambda spelling, _: types.Double(spelling),
    "IntegerField": lambda spelling, _: types.Integer(spelling),
    "BigIntegerField": lambda spelling, _: types.BigInteger(spelling),
    "IPAddressField": lambda spelling, _: types.Inet(spelling),
    "GenericIPAddressField": lambda spelling, _: types.Inet(spelling),
    "JSONField": lambda spelling, field: types.Json(
        spelling, getattr(field, "encoder", None), getattr(field, "decoder", None)
    ),
    "OneToOneField": lambda spelling, _: types.Integer(spelling),
    "PositiveBigIntegerField": lambda spelling, _: types.BigInteger(spelling),
    "PositiveIntegerField": lambda spelling, _: types.Integer(spelling),
    "PositiveSmallIntegerField": lambda spelling, _: types.SmallInteger(spelling),
    "SlugField": lambda spelling, field: types.Char(spelling, field.max_length),
    "SmallIntegerField": lambda spelling, _: types.SmallInteger(spelling),
    "TextField": lambda spelling, _: types.Text(spelling),
    "TimeField": lambda spelling, _: types.Time(spelling),
    "UUIDField": lambda spelling, _: types.Uuid(spelling),
}


def storage(internal_type: str, spelling: types.Spelling, field: Any) -> types.Storage:
    """The column type of `field`, a kind that only its own class knows included."""
    make = STORAGE.get(internal_type)
    return types.Storage(spelling) if make is None else make(spelling, field)
