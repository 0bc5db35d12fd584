"""Dates, times and durations out of text: None for what is not in the format, ValueError for what cannot be."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from covet.utils.timezone import get_fixed_timezone

_DATE = r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})"
_TIME = r"(?P<hour>\d{1,2}):(?P<minute>\d{1,2})(?::(?P<second>\d{1,2})(?:[.,](?P<microsecond>\d{1,6})\d*)?)?"
_ZONE = r"\s*(?P<zone>Z|[+-]\d{2}(?::?\d{2})?)?"

_date = re.compile(_DATE + r"\Z")
_time = re.compile(_TIME + r"\Z")
_datetime = re.compile(_DATE + r"[T ]" + _TIME + _ZONE + r"\Z")
_clock = re.compile(
    r"(?:(?P<days>-?\d+) (?:days?, )?)?(?P<sign>-?)"
    r"(?:(?:(?P<hours>\d+):)?(?P<minutes>\d+):)?(?P<seconds>\d+)(?:[.,](?P<microseconds>\d{1,6})\d*)?\Z"
)
_iso = re.compile(
    r"(?P<sign>[-+]?)P(?:(?P<days>\d+(?:[.,]\d+)?)D)?"
    r"(?:T(?:(?P<hours>\d+(?:[.,]\d+)?)H)?(?:(?P<minutes>\d+(?:[.,]\d+)?)M)?(?:(?P<seconds>\d+(?:[.,]\d+)?)S)?)?\Z"
)
_postgres = re.compile(
    r"(?:(?P<days>-?\d+) (?:days?) ?)?"
    r"(?:(?P<sign>[-+])?(?P<hours>\d+):(?P<minutes>\d\d):(?P<seconds>\d\d)(?:\.(?P<microseconds>\d{1,6}))?)?\Z"
)


def parse_date(value: str) -> dt.date | None:
    """The date in `value`, as ISO 8601 or with unpadded month and day.

    Raises:
        ValueError: the format is right but there is no such date.
    """
    try:
        return dt.date.fromisoformat(value)
    except ValueError:
        found = _date.match(value)
        return dt.date(**{part: int(number) for part, number in found.groupdict().items()}) if found else None


def _clock_parts(found: re.Match[str]) -> dict[str, Any]:
    parts = {name: int(found[name]) for name in ("hour", "minute", "second") if found[name]}
    if found["microsecond"]:
        parts["microsecond"] = int(found["microsecond"].ljust(6, "0"))
    return parts


def parse_time(value: str) -> dt.time | None:
    """The time of day in `value`; an offset is not accepted.

    Raises:
        ValueError: the format is right but there is no such time.
    """
    try:
        return dt.time.fromisoformat(value).replace(tzinfo=None)
    except ValueError:
        found = _time.match(value)
        return dt.time(**_clock_parts(found)) if found else None


def parse_datetime(value: str) -> dt.datetime | None:
    """The moment in `value`, aware when it carries an offset.

    Raises:
        ValueError: the format is right but there is no such moment.
    """
    try:
        return dt.datetime.fromisoformat(value)
    except ValueError:
        found = _datetime.match(value)
        if not found:
            return None
        date = {part: int(found[part]) for part in ("year", "month", "day")}
        return dt.datetime(**date, **_clock_parts(found), tzinfo=_offset(found["zone"]))


def _offset(text: str | None) -> dt.tzinfo | None:
    if text is None:
        return None
    if text == "Z":
        return dt.UTC
    minutes = int(text[-2:]) if len(text) > 3 else 0
    minutes += 60 * int(text[1:3])
    return get_fixed_timezone(-minutes if text[0] == "-" else minutes)


def parse_duration(value: str) -> dt.timedelta | None:
    """The duration in `value`: `[D] [HH:[MM:]]SS[.ffffff]`, ISO 8601 or PostgreSQL's form."""
    found = _clock.match(value) or _iso.match(value) or _postgres.match(value)
    if not found:
        return None
    parts = found.groupdict()
    sign = -1 if parts.pop("sign", "+") == "-" else 1
    if parts.get("microseconds"):
        parts["microseconds"] = parts["microseconds"].ljust(6, "0")
    numbers = {name: float(number.replace(",", ".")) for name, number in parts.items() if number}
    days = dt.timedelta(days=numbers.pop("days", 0.0))
    if found.re is _iso:
        days *= sign
    return days + sign * dt.timedelta(**numbers)
