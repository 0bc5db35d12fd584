"""Column types: how Python values are stored in each database, exactly as Django stores them.

Fields hand these out through `sa_type()`; the hot path takes the bind and result processors out of
them. A processor is None wherever the driver's native type is already right.
"""

from __future__ import annotations

import datetime as dt
import decimal
import json
import uuid
from collections.abc import Callable
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

from covet.conf import settings
from covet.utils import timezone
from covet.utils.dateparse import parse_date, parse_datetime, parse_time
from covet.utils.duration import duration_microseconds

Processor = Callable[[Any], Any]
Spelling = tuple[tuple[str, str], ...]

VENDORS: Final = ("postgresql", "sqlite", "mysql", "mariadb")
QUANTIZE_CONTEXT: Final = decimal.Context(prec=15)


def vendor_of(connection: Any) -> str:
    """The vendor's name out of a name, an adapter or a dialect."""
    if isinstance(connection, str):
        return str(connection)
    vendor = getattr(connection, "vendor", None)
    return str(connection.name if vendor is None else vendor)


class Spelled(UserDefinedType[Any]):
    """A type that SQLAlchemy does not know, by its name in DDL."""

    cache_ok = True

    def __init__(self, spelling: str) -> None:
        self.spelling = spelling

    def get_col_spec(self, **options: Any) -> str:
        """The name as it stands in DDL."""
        del options
        return self.spelling


class Storage(TypeDecorator[Any]):
    """A column type with Django's DDL spelling and storage format for each vendor.

    Args:
        spelling: pairs of vendor and DDL type, e.g. `(("sqlite", "bool"), ...)`.
    """

    impl: Any = sa.types.NullType
    cache_ok = True

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        # SQLAlchemy looks for it in the class itself: without it no statement beside the ORM is cached.
        if "cache_ok" not in cls.__dict__:
            cls.cache_ok = True

    def __init__(self, spelling: Spelling = ()) -> None:
        super().__init__()
        self.spelling = spelling

    def spelled(self, vendor: str) -> str | None:
        """The DDL type on `vendor`."""
        for name, text in self.spelling:
            if name == vendor:
                return text
        return self.spelled("mysql") if vendor == "mariadb" else None

    def native(self, vendor: str) -> TypeEngine[Any]:
        """SQLAlchemy's own type on `vendor`."""
        if type(self).impl is not sa.types.NullType:
            return self.impl_instance
        spelling = self.spelled(vendor)
        return self.impl_instance if spelling is None else Spelled(spelling)

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The type underneath on this database."""
        return dialect.type_descriptor(self.native(dialect.name))

    def binder(self, vendor: str) -> Processor | None:
        """What turns a prepared, non-null value into the driver's; None when nothing has to."""
        del vendor
        return None

    def loader(self, vendor: str) -> Processor | None:
        """What turns the driver's non-null value into Python's; None when nothing has to."""
        del vendor
        return None

    def bind_processor(self, dialect: Dialect) -> Processor | None:
        """The conversion of parameters, None-safe."""
        return _none_safe(self.binder(vendor_of(dialect.name).replace("mariadb", "mysql")))

    def result_processor(self, dialect: Dialect, coltype: object) -> Processor | None:
        """The conversion of results, None-safe."""
        del coltype
        return _none_safe(self.loader(vendor_of(dialect.name).replace("mariadb", "mysql")))

    def literal_processor(self, dialect: Dialect) -> Processor:
        """The value as SQL text, for DDL."""
        binder = self.bind_processor(dialect)

        def literal(value: Any) -> str:
            return sql_literal(value if binder is None else binder(value), vendor_of(dialect.name))

        return literal

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self.spelling)!r})"

    def coerce_compared_value(self, op: Any, value: Any) -> TypeEngine[Any]:
        """Binds made by SQLAlchemy beside a column have the column's type."""
        del op, value
        return self


def sql_literal(value: Any, vendor: str) -> str:
    """A driver-ready value as SQL text; only DDL needs it."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        if vendor == "sqlite":
            return "1" if value else "0"
        return "true" if value else "false"
    if isinstance(value, (int, float, decimal.Decimal)):
        return str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        text = bytes(value).hex()
        return f"'\\x{text}'::bytea" if vendor == "postgresql" else f"X'{text}'"
    if isinstance(value, dt.timedelta):
        return f"'{value.days} days {value.seconds}.{value.microseconds:06d} seconds'::interval"
    text = str(value).replace("'", "''")
    if vendor in {"mysql", "mariadb"}:
        text = text.replace("\\", "\\\\")
    return f"'{text}'"


@compiles(Storage)  # type: ignore[misc, no-untyped-call, unused-ignore]
def _spell(type_: Storage, compiler: Any, **options: Any) -> str:
    dialect = compiler.dialect
    spelling = type_.spelled("mariadb" if getattr(dialect, "is_mariadb", False) else dialect.name)
    if spelling is None:
        native = type_.load_dialect_impl(dialect)
        return str(compiler.process(native, **options))
    return spelling


def _none_safe(function: Processor | None) -> Processor | None:
    if function is None:
        return None

    def process(value: Any) -> Any:
        return None if value is None else function(value)

    return process


class Char(Storage):
    """Text with a longest length."""

    impl: Any = sa.String

    def __init__(self, spelling: Spelling = (), length: int | None = None) -> None:
        super().__init__(spelling)
        self.length = length
        self.impl = sa.String(length)


class Text(Storage):
    """Text of any length."""

    impl = sa.Text


class SmallInteger(Storage):
    """An integer of 16 bits."""

    impl = sa.SmallInteger


class Integer(Storage):
    """An integer of 32 bits."""

    impl = sa.Integer


class BigInteger(Storage):
    """An integer of 64 bits."""

    impl = sa.BigInteger


class Double(Storage):
    """A floating point number of 64 bits."""

    impl = sa.Double


class Boolean(Storage):
    """A truth value; SQLite and MySQL keep 0 and 1."""

    impl = sa.Boolean

    def loader(self, vendor: str) -> Processor | None:
        return None if vendor == "postgresql" else _as_bool


def _as_bool(value: Any) -> Any:
    return bool(value) if value in (0, 1) else value


class Numeric(Storage):
    """A decimal number; SQLite keeps it as text or REAL.

    Args:
        spelling: as in `Storage`.
        max_digits: all digits. decimal_places: those after the point.
        is_column: whether results are rounded to the column's places (computed ones are not).
    """

    impl: Any = sa.Numeric

    def __init__(
        self,
        spelling: Spelling = (),
        max_digits: int | None = None,
        decimal_places: int | None = None,
        *,
        is_column: bool = True,
    ) -> None:
        super().__init__(spelling)
        self.max_digits = max_digits
        self.decimal_places = decimal_places
        self.is_column = is_column
        self.impl = sa.Numeric(max_digits, decimal_places)

    def native(self, vendor: str) -> TypeEngine[Any]:
        # Parameters are cast to this type: with a precision they would be rounded, or overflow, before they compare.
        return sa.Numeric() if vendor == "postgresql" else self.impl_instance

    def binder(self, vendor: str) -> Processor | None:
        return str if vendor == "sqlite" else None

    def loader(self, vendor: str) -> Processor | None:
        if vendor != "sqlite":
            return None
        make = QUANTIZE_CONTEXT.create_decimal_from_float
        if self.decimal_places is None or not self.is_column:
            return lambda value: decimal.Decimal(value) if isinstance(value, str) else make(value)
        unit = decimal.Decimal(1).scaleb(-self.decimal_places)
        context = decimal.Context(prec=max(self.max_digits or 0, 15) + self.decimal_places)

        def load(value: Any) -> decimal.Decimal:
            number = decimal.Decimal(value) if isinstance(value, str) else make(value)
            return number.quantize(unit, context=context)

        return load


class DateTime(Storage):
    """A moment; SQLite and MySQL keep it naive in UTC with USE_TZ, PostgreSQL as timestamptz."""

    impl = sa.DateTime

    def native(self, vendor: str) -> TypeEngine[Any]:
        return postgresql.TIMESTAMP(timezone=True) if vendor == "postgresql" else self.impl_instance

    def binder(self, vendor: str) -> Processor | None:
        if vendor != "postgresql":
            return _stored_utc(vendor) if settings.USE_TZ else _stored_naive(vendor)
        if settings.USE_TZ:
            return None
        zone = timezone.get_default_timezone()
        return lambda value: value.replace(tzinfo=zone) if value.tzinfo is None else value

    def loader(self, vendor: str) -> Processor | None:
        if vendor == "postgresql":
            if settings.USE_TZ:
                return None
            zone = timezone.get_default_timezone()
            return lambda value: value.astimezone(zone).replace(tzinfo=None) if value.tzinfo else value
        return _load_aware if settings.USE_TZ else _load_naive


def _stored_utc(vendor: str) -> Processor:
    del vendor

    def bind(value: Any) -> str:
        if isinstance(value, dt.datetime) and value.tzinfo is not None:
            value = value.astimezone(dt.UTC).replace(tzinfo=None)
        return str(value)

    return bind


def _stored_naive(vendor: str) -> Processor:
    name = {"sqlite": "SQLite", "mysql": "MySQL"}.get(vendor, vendor)

    def bind(value: Any) -> str:
        if isinstance(value, dt.datetime) and value.tzinfo is not None:
            message = f"{name} backend does not support timezone-aware datetimes when USE_TZ is False."
            raise ValueError(message)
        return str(value)

    return bind


def _load_naive(value: Any) -> Any:
    if isinstance(value, str):
        return parse_datetime(value)
    return value


def _load_aware(value: Any) -> Any:
    if isinstance(value, str):
        value = parse_datetime(value)
    if isinstance(value, dt.datetime) and value.tzinfo is None:
        return value.replace(tzinfo=dt.UTC)
    return value


class Date(Storage):
    """A date; SQLite keeps it as text."""

    impl = sa.Date

    def binder(self, vendor: str) -> Processor | None:
        return None if vendor == "postgresql" else str

    def loader(self, vendor: str) -> Processor | None:
        return None if vendor == "postgresql" else _load_date


def _load_date(value: Any) -> Any:
    if isinstance(value, str):
        return parse_date(value)
    return value.date() if isinstance(value, dt.datetime) else value


class Time(Storage):
    """A time of day without zone; SQLite keeps it as text, MySQL's driver answers with a duration."""

    impl = sa.Time

    def binder(self, vendor: str) -> Processor | None:
        return None if vendor == "postgresql" else _stored_time(vendor)

    def loader(self, vendor: str) -> Processor | None:
        return None if vendor == "postgresql" else _load_time


def _stored_time(vendor: str) -> Processor:
    name = {"sqlite": "SQLite", "mysql": "MySQL"}.get(vendor, vendor)

    def bind(value: Any) -> str:
        if getattr(value, "tzinfo", None) is not None:
            message = f"{name} backend does not support timezone-aware times."
            raise ValueError(message)
        return str(value)

    return bind


_MIDNIGHT: Final = dt.datetime(1, 1, 1)  # noqa: DTZ001 - only its clock is read


def _load_time(value: Any) -> Any:
    if isinstance(value, str):
        return parse_time(value)
    if isinstance(value, dt.timedelta):
        return (_MIDNIGHT + value).time()
    return value.time() if isinstance(value, dt.datetime) else value


class Duration(Storage):
    """A duration: PostgreSQL's interval, microseconds elsewhere."""

    impl = sa.BigInteger

    def native(self, vendor: str) -> TypeEngine[Any]:
        return postgresql.INTERVAL() if vendor == "postgresql" else self.impl_instance

    def binder(self, vendor: str) -> Processor | None:
        return None if vendor == "postgresql" else _microseconds

    def loader(self, vendor: str) -> Processor | None:
        return None if vendor == "postgresql" else _load_duration


def _microseconds(value: Any) -> Any:
    return duration_microseconds(value) if isinstance(value, dt.timedelta) else value


def _load_duration(value: Any) -> Any:
    if isinstance(value, (int, float, decimal.Decimal)):
        # An average has a fraction.
        return dt.timedelta(microseconds=round(value))
    return value


class Uuid(Storage):
    """A UUID: native on PostgreSQL and MariaDB, 32 hexadecimal digits elsewhere."""

    impl = sa.Uuid

    def native(self, vendor: str) -> TypeEngine[Any]:
        return postgresql.UUID() if vendor == "postgresql" else sa.CHAR(32)

    def binder(self, vendor: str) -> Processor | None:
        return None if vendor == "postgresql" else _hex

    def loader(self, vendor: str) -> Processor | None:
        return None if vendor == "postgresql" else _load_uuid


def _hex(value: Any) -> Any:
    return value.hex if isinstance(value, uuid.UUID) else value


def _load_uuid(value: Any) -> Any:
    return uuid.UUID(value) if isinstance(value, str) else value


class Binary(Storage):
    """Bytes."""

    impl = sa.LargeBinary

    def binder(self, vendor: str) -> Processor | None:
        return _as_bytes if vendor == "mysql" else None


def _as_bytes(value: Any) -> Any:
    return bytes(value) if isinstance(value, (bytearray, memoryview)) else value


class Json(Storage):
    """A JSON document: jsonb on PostgreSQL, text elsewhere.

    Args:
        spelling: as in `Storage`.
        encoder: a `json.JSONEncoder` class. decoder: a `json.JSONDecoder` class.
    """

    impl = sa.JSON

    def __init__(self, spelling: Spelling = (), encoder: Any = None, decoder: Any = None) -> None:
        super().__init__(spelling)
        self.encoder = encoder
        self.decoder = decoder

    def native(self, vendor: str) -> TypeEngine[Any]:
        if vendor == "postgresql":
            return postgresql.JSONB()
        return sa.Text() if vendor == "sqlite" else self.impl_instance

    def bind_processor(self, dialect: Dialect) -> Processor | None:
        """JSON text; None is SQL's NULL here, JSON's null is bound as its text by the caller."""
        del dialect
        encoder = self.encoder
        return lambda value: None if value is None else json.dumps(value, cls=encoder)

    def loader(self, vendor: str) -> Processor | None:
        del vendor
        decoder = self.decoder

        def load(value: Any) -> Any:
            if not isinstance(value, (str, bytes)):
                return value
            try:
                return json.loads(value, cls=decoder)
            except json.JSONDecodeError:
                # A key taken out of a document by the database is text already.
                return value

        return load


class Inet(Storage):
    """An IP address: inet on PostgreSQL, text elsewhere; always text in Python."""

    impl = sa.String

    def native(self, vendor: str) -> TypeEngine[Any]:
        return postgresql.INET() if vendor == "postgresql" else self.impl_instance

    def binder(self, vendor: str) -> Processor | None:
        del vendor
        return lambda value: value or None

    def loader(self, vendor: str) -> Processor | None:
        return str if vendor == "postgresql" else None


class Hooked(Storage):
    """The type of a field whose class overrides `get_db_prep_value`: its method is the conversion.

    Args:
        inner: the field's type without the override. field: whose method to call.
    """

    impl = sa.types.NullType

    def __init__(self, inner: Storage, field: Any) -> None:
        super().__init__(inner.spelling)
        self.inner = inner
        self.field = field

    def native(self, vendor: str) -> TypeEngine[Any]:
        return self.inner.native(vendor)

    def bind_processor(self, dialect: Dialect) -> Processor | None:
        """What the field's own `get_db_prep_value` makes of a prepared value."""
        vendor = Vendor(vendor_of(dialect.name))
        return lambda value: self.field.get_db_prep_value(value, vendor, prepared=True)

    def result_processor(self, dialect: Dialect, coltype: object) -> Processor | None:
        """The conversion of the type underneath."""
        return self.inner.result_processor(dialect, coltype)


class Saved(Hooked):
    """The type in which a field stores, where its class overrides `get_db_prep_save`."""

    def bind_processor(self, dialect: Dialect) -> Processor | None:
        """What the field's own `get_db_prep_save` makes of a value."""
        vendor = Vendor(vendor_of(dialect.name))
        return lambda value: self.field.get_db_prep_save(value, vendor)


def saved_type(field: Any) -> Saved | None:
    """The type that stores what the field's own `get_db_prep_save` says; None where its class leaves that to ours."""
    return Saved(field.sa_type(), field) if overrides(field, "get_db_prep_save") else None


def overrides(field: Any, method: str) -> bool:
    """Whether a field class of the project's own defines `method`."""
    owner = next((cls for cls in type(field).__mro__ if method in vars(cls)), None)
    return owner is not None and not owner.__module__.startswith("covet.database.orm.")


class Vendor(str):
    """A vendor's name that answers like Django's connection where fields ask for one."""

    __slots__ = ()

    @property
    def vendor(self) -> str:
        """The name."""
        return str(self)

    @property
    def ops(self) -> Vendor:
        """Itself: Django's `connection.ops.adapt_...` methods."""
        return self

    def adapt_datetimefield_value(self, value: Any) -> Any:
        """A datetime as this database stores it."""
        return _bound(DateTime(), self, value)

    def adapt_datefield_value(self, value: Any) -> Any:
        """A date as this database stores it."""
        return _bound(Date(), self, value)

    def adapt_timefield_value(self, value: Any) -> Any:
        """A time as this database stores it."""
        return _bound(Time(), self, value)

    def adapt_decimalfield_value(
        self, value: Any, max_digits: int | None = None, decimal_places: int | None = None
    ) -> Any:
        """A decimal as this database stores it."""
        return _bound(Numeric((), max_digits, decimal_places), self, value)


def _bound(storage: Storage, vendor: str, value: Any) -> Any:
    binder = _none_safe(storage.binder(vendor))
    return value if binder is None else binder(value)
