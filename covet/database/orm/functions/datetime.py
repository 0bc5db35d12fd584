"""Functions of dates and times."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Hashable, Sequence
from typing import Any, ClassVar, Final

from covet.conf import settings
from covet.database.orm.expressions import moments
from covet.database.orm.expressions.func import Func
from covet.database.orm.expressions.outputs import OutputField, is_a, output
from covet.database.orm.lookups.base import Transform
from covet.database.orm.lookups.registry import builtin
from covet.database.orm.lookups.temporal import YearExact, YearGt, YearGte, YearLt, YearLte
from covet.database.orm.shape import Ambient, Const
from covet.utils import timezone

SQL = tuple[str, Sequence[Any]]
_OFFSET: Final = re.compile(r"^(?P<name>.*?)(?P<sign>[+-])(?P<hours>\d{1,2}):?(?P<minutes>\d{2})?$")


def zone_name(zone: dt.tzinfo) -> str:
    """The zone's name, as databases know it."""
    return zone.tzname(None) or str(zone)


def _postgresql_name(name: str) -> str:
    """`name`; of a plain offset the opposite sign, which is what POSIX means by it."""
    match = _OFFSET.match(name)
    if match is None or "/" in name:
        return name
    sign = "-" if match["sign"] == "+" else "+"
    return f"{match['name']}{sign}{match['hours']}:{match['minutes'] or '00'}"


def _mysql_name(name: str) -> str:
    """`name`; of UTC or an offset from it the offset, which needs no time zone tables."""
    if name == "UTC":
        return "+00:00"
    match = _OFFSET.match(name)
    if match is None or "/" in name:
        return name
    return f"{match['sign']}{match['hours']}:{match['minutes'] or '00'}"


class TimezoneMixin(Func):
    """What depends on a time zone: `tzinfo`, else the current one."""

    tzinfo: Any = None

    def get_tzname(self) -> str | None:
        """The zone's name; None where USE_TZ is off."""
        if not settings.USE_TZ:
            return None
        if self.tzinfo is None:
            return timezone.get_current_timezone_name()
        return zone_name(self.tzinfo)

    def zone_sql(self, compiler: Any) -> str | None:
        """The zone as a bound parameter: the current one is that of the time when the query runs."""
        if not settings.USE_TZ and compiler.vendor != "postgresql":
            return None
        slot = self.__dict__.get("_zone_slot")
        if slot is None:
            if not settings.USE_TZ:
                # PostgreSQL keeps moments; the naive values are on the default zone's clock.
                slot = Const(timezone.get_default_timezone_name())
            elif self.tzinfo is None:
                slot = Ambient(timezone.get_current_timezone_name)
            else:
                slot = Const(zone_name(self.tzinfo))
            if compiler.vendor == "postgresql":
                slot = slot.prep(_postgresql_name)
            elif compiler.vendor == "mysql":
                slot = slot.prep(_mysql_name)
            # Kept, so that SELECT and GROUP BY name the same parameter.
            self.__dict__["_zone_slot"] = slot
        text: str = compiler.bind(slot, output("TextField"))
        return text

    def _shape(self, out: list[Any]) -> Hashable:
        return (super()._shape(out), settings.USE_TZ)


class Extract(TimezoneMixin, Transform):
    """One part of a date, time, datetime or duration, as a number."""

    lookup_name: ClassVar[Any] = None
    output_field = OutputField("IntegerField")

    def __init__(self, expression: Any, lookup_name: str | None = None, tzinfo: Any = None, **extra: Any) -> None:
        if self.lookup_name is None:
            self.lookup_name = lookup_name  # type: ignore[misc]
        if self.lookup_name is None:
            raise ValueError("lookup_name must be provided")
        self.tzinfo = tzinfo
        super().__init__(expression, **extra)

    def as_sql(self, compiler: Any, connection: Any) -> SQL:  # type: ignore[override]
        text, params = compiler.compile(self.lhs)
        field = self.lhs.output_field
        vendor = connection.vendor
        if is_a(field, "DateTimeField"):
            zone = self.zone_sql(compiler)
            return moments.extract(vendor, self.lookup_name, text, kind="datetime", zone=zone), params
        if self.tzinfo is not None:
            raise ValueError("tzinfo can only be used with DateTimeField.")
        if is_a(field, "DateField"):
            return moments.extract(vendor, self.lookup_name, text, kind="date"), params
        if is_a(field, "DurationField") and vendor != "postgresql":
            raise ValueError("Extract requires native DurationField database support.")
        return moments.extract(vendor, self.lookup_name, text, kind="time"), params

    def as_sqlite(self, compiler: Any, connection: Any, **extra_context: Any) -> SQL:
        """Without a cast."""
        return self.as_sql(compiler, connection, **extra_context)

    def resolve_expression(
        self,
        query: Any = None,
        allow_joins: bool = True,
        reuse: Any = None,
        summarize: bool = False,
        for_save: bool = False,
    ) -> Any:
        resolved = super().resolve_expression(query, allow_joins, reuse, summarize, for_save)
        field = getattr(resolved.lhs, "output_field", None)
        if field is None:
            return resolved
        if not is_a(field, "DateField", "DateTimeField", "TimeField", "DurationField"):
            raise ValueError("Extract input expression must be DateField, DateTimeField, TimeField, or DurationField.")
        name = resolved.lookup_name
        if is_plain_date(field) and name in ("hour", "minute", "second"):
            raise ValueError(f"Cannot extract time component '{name}' from DateField '{field.name}'.")
        if is_a(field, "DurationField") and name in (
            "year",
            "iso_year",
            "month",
            "week",
            "week_day",
            "iso_week_day",
            "quarter",
        ):
            raise ValueError(f"Cannot extract component '{name}' from DurationField '{field.name}'.")
        return resolved


def is_plain_date(field: Any) -> bool:
    """Whether `field` is a date and no datetime (a field class of the latter derives from the former)."""
    return is_a(field, "DateField") and not is_a(field, "DateTimeField")


@builtin("DateField")
class ExtractYear(Extract):
    """The year."""

    lookup_name = "year"


@builtin("DateField")
class ExtractIsoYear(Extract):
    """The year of the ISO 8601 week."""

    lookup_name = "iso_year"


@builtin("DateField")
class ExtractMonth(Extract):
    """The month."""

    lookup_name = "month"


@builtin("DateField")
class ExtractDay(Extract):
    """The day of the month."""

    lookup_name = "day"


@builtin("DateField")
class ExtractWeek(Extract):
    """The ISO 8601 week, 1 to 52 or 53."""

    lookup_name = "week"


@builtin("DateField")
class ExtractWeekDay(Extract):
    """The day of the week from 1, Sunday, to 7, Saturday."""

    lookup_name = "week_day"


@builtin("DateField")
class ExtractIsoWeekDay(Extract):
    """The day of the week from 1, Monday, to 7, Sunday."""

    lookup_name = "iso_week_day"


@builtin("DateField")
class ExtractQuarter(Extract):
    """The quarter."""

    lookup_name = "quarter"


@builtin("TimeField", "DateTimeField")
class ExtractHour(Extract):
    """The hour."""

    lookup_name = "hour"


@builtin("TimeField", "DateTimeField")
class ExtractMinute(Extract):
    """The minute."""

    lookup_name = "minute"


@builtin("TimeField", "DateTimeField")
class ExtractSecond(Extract):
    """The whole second."""

    lookup_name = "second"


for _extract in (ExtractYear, ExtractIsoYear):
    for _lookup in (YearExact, YearGt, YearGte, YearLt, YearLte):
        _extract.register_lookup(_lookup)


class Now(Func):
    """The time when the statement began."""

    template = "CURRENT_TIMESTAMP"
    output_field = OutputField("DateTimeField")

    def as_postgresql(self, compiler: Any, connection: Any, **extra_context: Any) -> SQL:
        """CURRENT_TIMESTAMP would be the transaction's."""
        return self.as_sql(compiler, connection, template="STATEMENT_TIMESTAMP()", **extra_context)

    def as_mysql(self, compiler: Any, connection: Any, **extra_context: Any) -> SQL:
        """With microseconds."""
        return self.as_sql(compiler, connection, template="CURRENT_TIMESTAMP(6)", **extra_context)

    def as_sqlite(self, compiler: Any, connection: Any, **extra_context: Any) -> SQL:
        """With the fraction that SQLite knows."""
        template = "STRFTIME('%%%%Y-%%%%m-%%%%d %%%%H:%%%%M:%%%%f', 'NOW')"
        return self.as_sql(compiler, connection, template=template, **extra_context)


class TruncBase(TimezoneMixin, Transform):
    """A moment with everything below one part at its start."""

    kind: Any = None
    tzinfo: Any = None

    def __init__(self, expression: Any, output_field: Any = None, tzinfo: Any = None, **extra: Any) -> None:
        self.tzinfo = tzinfo
        super().__init__(expression, output_field=output_field, **extra)

    def as_sql(self, compiler: Any, connection: Any) -> SQL:  # type: ignore[override]
        text, params = compiler.compile(self.lhs)
        zone = None
        if is_a(self.lhs.output_field, "DateTimeField"):
            zone = self.zone_sql(compiler)
        elif self.tzinfo is not None:
            raise ValueError("tzinfo can only be used with DateTimeField.")
        if is_a(self.output_field, "DateTimeField"):
            result = "datetime"
        elif is_a(self.output_field, "DateField"):
            result = "date"
        elif is_a(self.output_field, "TimeField"):
            result = "time"
        else:
            raise ValueError("Trunc only valid on DateField, TimeField, or DateTimeField.")
        truncated = moments.truncate(connection.vendor, self.kind, text, result=result, zone=zone)
        if zone is not None and result == "datetime" and connection.vendor == "postgresql":
            # A moment again, which compares with moments whatever the session's zone is.
            clock = "'UTC'" if settings.USE_TZ else zone
            truncated = f"({truncated} AT TIME ZONE {clock})"
        return truncated, params

    def as_sqlite(self, compiler: Any, connection: Any, **extra_context: Any) -> SQL:
        """Without a cast."""
        return self.as_sql(compiler, connection, **extra_context)

    def resolve_expression(
        self,
        query: Any = None,
        allow_joins: bool = True,
        reuse: Any = None,
        summarize: bool = False,
        for_save: bool = False,
    ) -> Any:
        resolved = super().resolve_expression(query, allow_joins, reuse, summarize, for_save)
        field = resolved.lhs.output_field
        if not is_a(field, "DateField", "DateTimeField", "TimeField"):
            raise TypeError(f"{field.name!r} isn't a DateField, TimeField, or DateTimeField.")
        if not is_a(resolved.output_field, "DateField", "DateTimeField", "TimeField"):
            raise ValueError("output_field must be either DateField, TimeField, or DateTimeField")
        declared = getattr_static(type(self), "output_field")
        result = declared.__get__(None, type(self)) if isinstance(declared, OutputField) else resolved.output_field
        explicit = isinstance(declared, OutputField) or type(field) is not type(resolved.output_field)
        target = type(result).__name__ if explicit else "DateTimeField"
        to_moment = is_a(result, "DateTimeField")
        if is_plain_date(field) and (to_moment or resolved.kind in ("hour", "minute", "second", "time")):
            raise ValueError(f"Cannot truncate DateField '{field.name}' to {target}.")
        if is_a(field, "TimeField") and (
            to_moment or resolved.kind in ("year", "quarter", "month", "week", "day", "date")
        ):
            raise ValueError(f"Cannot truncate TimeField '{field.name}' to {target}.")
        return resolved

    def convert_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """The fetched wall clock, in its zone again."""
        if is_a(self.output_field, "DateTimeField"):
            if value is None or not settings.USE_TZ:
                return value
            return timezone.make_aware(value.replace(tzinfo=None), self.tzinfo)
        if isinstance(value, dt.datetime):
            return value.time() if is_a(self.output_field, "TimeField") else value.date()
        return value


def getattr_static(cls: type[Any], name: str) -> Any:
    """The class attribute itself, not what its `__get__` gives."""
    for base in cls.__mro__:
        if name in vars(base):
            return vars(base)[name]
    return None


class Trunc(TruncBase):
    """Truncated to `kind`: year, quarter, month, week, day, hour, minute, second."""

    def __init__(self, expression: Any, kind: str, output_field: Any = None, tzinfo: Any = None, **extra: Any) -> None:
        self.kind = kind
        super().__init__(expression, output_field=output_field, tzinfo=tzinfo, **extra)


class TruncYear(TruncBase):
    """The year's start."""

    kind = "year"


class TruncQuarter(TruncBase):
    """The quarter's start."""

    kind = "quarter"


class TruncMonth(TruncBase):
    """The month's start."""

    kind = "month"


class TruncWeek(TruncBase):
    """Monday's midnight."""

    kind = "week"


class TruncDay(TruncBase):
    """Midnight."""

    kind = "day"


@builtin("DateTimeField")
class TruncDate(TruncBase):
    """The date."""

    kind = "date"
    lookup_name = "date"
    output_field = OutputField("DateField")

    def as_sql(self, compiler: Any, connection: Any) -> SQL:  # type: ignore[override]
        text, params = compiler.compile(self.lhs)
        return moments.cast_date(connection.vendor, text, self.zone_sql(compiler)), params


@builtin("DateTimeField")
class TruncTime(TruncBase):
    """The time of day."""

    kind = "time"
    lookup_name = "time"
    output_field = OutputField("TimeField")

    def as_sql(self, compiler: Any, connection: Any) -> SQL:  # type: ignore[override]
        text, params = compiler.compile(self.lhs)
        return moments.cast_time(connection.vendor, text, self.zone_sql(compiler)), params


class TruncHour(TruncBase):
    """The hour's start."""

    kind = "hour"


class TruncMinute(TruncBase):
    """The minute's start."""

    kind = "minute"


class TruncSecond(TruncBase):
    """The second's start."""

    kind = "second"


del _extract, _lookup
