"""The SQL functions that expressions need and SQLite lacks; importing this module registers them.

Those of dates and durations have the names that Django gives its own: generated columns and indexes
of a database file that Django made call them, and such a file must keep working here.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import math
import random
import re
import statistics
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from covet.database.adapters.sqlite.functions import register_aggregate, register_function
from covet.utils import timezone

_OFFSET: Final = re.compile(r"^(?P<name>.*?)(?P<sign>[+-])(?P<hours>\d{1,2}):?(?P<minutes>\d{2})?$")
_MICROSECOND: Final = dt.timedelta(microseconds=1)


def _null_safe(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(*arguments: Any) -> Any:
        return None if None in arguments else function(*arguments)

    return call


def parse_moment(text: Any, zone: str | None = None, stored_in: str | None = None) -> dt.datetime | None:
    """The stored date or datetime, on the wall clock of `zone`; None for what is no moment."""
    if text is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    moment = moment.replace(tzinfo=None)
    if stored_in is None or zone is None or zone == stored_in:
        return moment
    match = _OFFSET.match(zone) if "/" not in zone else None
    name = zone
    if match is not None:
        offset = dt.timedelta(hours=int(match["hours"]), minutes=int(match["minutes"] or 0))
        moment += offset if match["sign"] == "+" else -offset
        name = match["name"] or stored_in
    if name == stored_in:
        return moment
    return moment.replace(tzinfo=timezone.zone(stored_in)).astimezone(timezone.zone(name)).replace(tzinfo=None)


def parse_clock(text: Any) -> dt.time | None:
    """The stored time of day; None for what is none."""
    try:
        return dt.time.fromisoformat(text)
    except (TypeError, ValueError):
        return None


def _part(part: str, moment: dt.datetime) -> int:
    if part == "week_day":
        return moment.isoweekday() % 7 + 1
    if part == "iso_week_day":
        return moment.isoweekday()
    if part == "week":
        return moment.isocalendar().week
    if part == "iso_year":
        return moment.isocalendar().year
    if part == "quarter":
        return (moment.month + 2) // 3
    return int(getattr(moment, part))


def _extract(part: str, text: Any, zone: str | None = None, stored_in: str | None = None) -> int | None:
    moment = parse_moment(text, zone, stored_in)
    return None if moment is None else _part(part, moment)


def _extract_time(part: str, text: Any) -> int | None:
    clock = parse_clock(text)
    return None if clock is None else int(getattr(clock, part))


def _start(part: str, moment: dt.datetime) -> dt.datetime:
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if part == "year":
        return day.replace(month=1, day=1)
    if part == "quarter":
        return day.replace(month=moment.month - (moment.month - 1) % 3, day=1)
    if part == "month":
        return day.replace(day=1)
    if part == "week":
        return day - dt.timedelta(days=moment.weekday())
    if part == "day":
        return day
    if part == "hour":
        return day.replace(hour=moment.hour)
    if part == "minute":
        return day.replace(hour=moment.hour, minute=moment.minute)
    if part == "second":
        return moment.replace(microsecond=0)
    raise ValueError(f"Unsupported lookup type: {part!r}")


def _truncate_date(part: str, text: Any, zone: str | None, stored_in: str | None) -> str | None:
    moment = parse_moment(text, zone, stored_in)
    return None if moment is None else _start(part, moment).date().isoformat()


def _truncate_datetime(part: str, text: Any, zone: str | None, stored_in: str | None) -> str | None:
    moment = parse_moment(text, zone, stored_in)
    return None if moment is None else _start(part, moment).isoformat(sep=" ")


def _truncate_time(part: str, text: Any, zone: str | None, stored_in: str | None) -> str | None:
    if text is None:
        return None
    moment = parse_moment(text, zone, stored_in)
    if moment is None:
        clock = parse_clock(text)
        if clock is None:
            return None
        moment = dt.datetime.combine(dt.date(2000, 1, 1), clock)
    if part not in ("hour", "minute", "second"):
        raise ValueError(f"Unsupported lookup type: {part!r}")
    return _start(part, moment).time().isoformat()


def _date(text: Any, zone: str | None, stored_in: str | None) -> str | None:
    moment = parse_moment(text, zone, stored_in)
    return None if moment is None else moment.date().isoformat()


def _time(text: Any, zone: str | None, stored_in: str | None) -> str | None:
    moment = parse_moment(text, zone, stored_in)
    return None if moment is None else moment.time().isoformat()


def _operand(value: Any) -> Any:
    """A number of microseconds as a duration; text as the moment it is."""
    if isinstance(value, int):
        return dt.timedelta(microseconds=value)
    text = str(value)
    if len(text) <= 10 and ":" not in text:
        return dt.date.fromisoformat(text)
    return dt.datetime.fromisoformat(text)


def _combine(connector: str, left: Any, right: Any) -> Any:
    connector = connector.strip()
    if connector == "*":
        return left * right
    if connector == "/":
        return left / right
    try:
        first, second = _operand(left), _operand(right)
    except (TypeError, ValueError):
        return None
    if isinstance(first, dt.date) and not isinstance(first, dt.datetime) and _has_clock(second):
        first = dt.datetime.combine(first, dt.time())
    if isinstance(second, dt.date) and not isinstance(second, dt.datetime) and _has_clock(first):
        second = dt.datetime.combine(second, dt.time())
    result = first + second if connector == "+" else first - second
    return result // _MICROSECOND if isinstance(result, dt.timedelta) else str(result)


def _has_clock(value: Any) -> bool:
    return isinstance(value, dt.timedelta) and bool(value % dt.timedelta(days=1))


def _moment_difference(left: Any, right: Any) -> int | None:
    first, second = parse_moment(left), parse_moment(right)
    return None if first is None or second is None else (first - second) // _MICROSECOND


def _clock_microseconds(clock: dt.time) -> int:
    return ((clock.hour * 60 + clock.minute) * 60 + clock.second) * 1_000_000 + clock.microsecond


def _clock_difference(left: Any, right: Any) -> int | None:
    first, second = parse_clock(left), parse_clock(right)
    return None if first is None or second is None else _clock_microseconds(first) - _clock_microseconds(second)


def _digest(name: str) -> Callable[[Any], str]:
    def digest(text: Any) -> str:
        return hashlib.new(name, str(text).encode(), usedforsecurity=False).hexdigest()

    return digest


def _pad_left(text: str, length: int, fill: str) -> str:
    missing = length - len(text)
    return text[:length] if missing <= 0 else (fill * length)[:missing] + text


def _collected(finish: Callable[[list[float]], float], least: int) -> type[Any]:
    """An aggregate class over the values that are not NULL; NULL for fewer than `least`."""

    class Collected:
        def __init__(self) -> None:
            self.values: list[float] = []

        def step(self, value: Any) -> None:
            if value is not None:
                self.values.append(value)

        def finalize(self) -> float | None:
            return finish(self.values) if len(self.values) >= least else None

    return Collected


def register() -> None:
    """Make every function known to SQLite connections, open ones included."""
    zoned: dict[tuple[str, int], Callable[..., Any]] = {
        ("django_date_extract", 2): _extract,
        ("django_datetime_extract", 4): _extract,
        ("django_time_extract", 2): _extract_time,
        ("django_date_trunc", 4): _truncate_date,
        ("django_datetime_trunc", 4): _truncate_datetime,
        ("django_time_trunc", 4): _truncate_time,
        ("django_datetime_cast_date", 3): _date,
        ("django_datetime_cast_time", 3): _time,
    }
    for (name, arguments), function in zoned.items():
        register_function(name, arguments, function)
    strict: dict[tuple[str, int], Callable[..., Any]] = {
        ("django_format_dtdelta", 3): _combine,
        ("django_timestamp_diff", 2): _moment_difference,
        ("django_time_diff", 2): _clock_difference,
        ("BITXOR", 2): lambda left, right: left ^ right,
        ("COT", 1): lambda x: 1 / math.tan(x),
        ("LPAD", 3): _pad_left,
        ("RPAD", 3): lambda text, length, fill: (text + fill * length)[:length],
        ("REPEAT", 2): lambda text, count: text * count,
        ("REVERSE", 1): lambda text: text[::-1],
        ("SIGN", 1): lambda x: (x > 0) - (x < 0),
    }
    for (name, arguments), function in strict.items():
        register_function(name, arguments, _null_safe(function))
    for digest in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512"):
        register_function(digest.upper(), 1, _null_safe(_digest(digest)))
    # SQLite's RANDOM() is any 64-bit integer.
    register_function("RAND", 0, random.random, deterministic=False)
    for name, finish, least in (
        ("STDDEV_POP", statistics.pstdev, 1),
        ("STDDEV_SAMP", statistics.stdev, 2),
        ("VAR_POP", statistics.pvariance, 1),
        ("VAR_SAMP", statistics.variance, 2),
    ):
        register_aggregate(name, 1, _collected(finish, least))
    _register_mathematics()


def _register_mathematics() -> None:
    """What an SQLite built without its mathematics lacks; the same names replace equal functions otherwise."""
    single: dict[str, Callable[[Any], Any]] = {
        "ACOS": math.acos,
        "ASIN": math.asin,
        "ATAN": math.atan,
        "CEILING": math.ceil,
        "COS": math.cos,
        "DEGREES": math.degrees,
        "EXP": math.exp,
        "FLOOR": math.floor,
        "LN": math.log,
        "RADIANS": math.radians,
        "SIN": math.sin,
        "SQRT": math.sqrt,
        "TAN": math.tan,
    }
    for name, function in single.items():
        register_function(name, 1, _null_safe(function))
    register_function("ATAN2", 2, _null_safe(math.atan2))
    register_function("LOG", 2, _null_safe(lambda base, x: math.log(x, base)))
    register_function("MOD", 2, _null_safe(math.fmod))
    register_function("POWER", 2, _null_safe(lambda x, y: x**y))
    register_function("PI", 0, lambda: math.pi)


register()
