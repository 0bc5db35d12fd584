"""The SQL of parts of dates and times, on each database; used by `Extract` and `Trunc`.

Time zones reach it as SQL (a bound parameter), None for values that have no zone.
"""

from __future__ import annotations

import re
from typing import Final

_PART: Final = re.compile(r"[a-z_]+")
_FORMATS: Final = {
    "year": "%Y-01-01",
    "month": "%Y-%m-01",
    "day": "%Y-%m-%d",
    "hour": "%Y-%m-%d %H:00:00",
    "minute": "%Y-%m-%d %H:%i:00",
    "second": "%Y-%m-%d %H:%i:%s",
}


def _checked(part: str) -> str:
    lowered = part.lower()
    if not _PART.fullmatch(lowered):
        raise ValueError(f"Invalid lookup type: {part!r}")
    return lowered


def in_zone(vendor: str, text: str, zone: str | None) -> str:
    """The moment's wall clock in `zone`."""
    if zone is None:
        return text
    if vendor == "postgresql":
        return f"{text} AT TIME ZONE {zone}"
    return f"CONVERT_TZ({text}, '+00:00', {zone})"


def _zones(zone: str | None) -> str:
    return "NULL, NULL" if zone is None else f"{zone}, 'UTC'"


def extract(vendor: str, part: str, text: str, *, kind: str, zone: str | None = None) -> str:
    """The number of one part. `kind` is what the value is: date, datetime, time or duration."""
    part = _checked(part)
    if vendor == "sqlite":
        if kind == "datetime":
            return f"django_datetime_extract('{part}', {text}, {_zones(zone)})"
        name = "django_date_extract" if kind == "date" else "django_time_extract"
        return f"{name}('{part}', {text})"
    local = in_zone(vendor, text, zone)
    if vendor == "postgresql":
        return _extract_postgresql(part, local, whole_seconds=kind != "date")
    return _extract_mysql(part, local)


def _extract_postgresql(part: str, text: str, *, whole_seconds: bool) -> str:
    if part == "week_day":
        return f"EXTRACT(DOW FROM {text}) + 1"
    if part == "iso_week_day":
        return f"EXTRACT(ISODOW FROM {text})"
    if part == "iso_year":
        return f"EXTRACT(ISOYEAR FROM {text})"
    if part == "second" and whole_seconds:
        return f"EXTRACT(SECOND FROM DATE_TRUNC('second', {text}))"
    return f"EXTRACT({part.upper()} FROM {text})"


def _extract_mysql(part: str, text: str) -> str:
    if part == "week_day":
        return f"DAYOFWEEK({text})"
    if part == "iso_week_day":
        return f"WEEKDAY({text}) + 1"
    if part == "week":
        return f"WEEK({text}, 3)"
    if part == "iso_year":
        return f"TRUNCATE(YEARWEEK({text}, 3), -2) / 100"
    return f"EXTRACT({part.upper()} FROM {text})"


def truncate(vendor: str, part: str, text: str, *, result: str, zone: str | None = None) -> str:
    """The moment with everything below one part at its start. `result`: date, datetime or time."""
    # Unlike in EXTRACT it is a text, which the database refuses when it does not know it.
    part = part.lower().replace("'", "''").replace("%", "%%")
    if vendor == "sqlite":
        return f"django_{result}_trunc('{part}', {text}, {_zones(zone)})"
    local = in_zone(vendor, text, zone)
    if vendor == "postgresql":
        return f"DATE_TRUNC('{part}', {local}){'::time' if result == 'time' else ''}"
    return _truncate_mysql(part, local, result)


def _truncate_mysql(part: str, text: str, result: str) -> str:
    kind = {"date": "DATE", "datetime": "DATETIME", "time": "TIME"}[result]
    if part == "quarter":
        return f"CAST(MAKEDATE(YEAR({text}), 1) + INTERVAL QUARTER({text}) QUARTER - INTERVAL 1 QUARTER AS {kind})"
    if part == "week":
        return f"CAST(DATE_SUB(DATE({text}), INTERVAL WEEKDAY({text}) DAY) AS {kind})"
    pattern = _FORMATS.get(part)
    if pattern is None:
        return f"{kind}({text})"
    if result == "time":
        pattern = pattern.split(" ")[-1]
    doubled = pattern.replace("%", "%%")
    return f"CAST(DATE_FORMAT({text}, '{doubled}') AS {kind})"


def cast_date(vendor: str, text: str, zone: str | None) -> str:
    """The date of a moment."""
    if vendor == "sqlite":
        return f"django_datetime_cast_date({text}, {_zones(zone)})"
    local = in_zone(vendor, text, zone)
    return f"({local})::date" if vendor == "postgresql" else f"DATE({local})"


def cast_time(vendor: str, text: str, zone: str | None) -> str:
    """The time of day of a moment."""
    if vendor == "sqlite":
        return f"django_datetime_cast_time({text}, {_zones(zone)})"
    local = in_zone(vendor, text, zone)
    return f"({local})::time" if vendor == "postgresql" else f"TIME({local})"
