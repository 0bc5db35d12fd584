"""Durations as text and as microseconds."""

from __future__ import annotations

import datetime as dt


def _parts(duration: dt.timedelta) -> tuple[int, int, int, int, int]:
    hours, rest = divmod(duration.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return duration.days, hours, minutes, seconds, duration.microseconds


def duration_string(duration: dt.timedelta) -> str:
    """`[D ]HH:MM:SS[.ffffff]`, the text that `parse_duration` reads back."""
    days, hours, minutes, seconds, microseconds = _parts(duration)
    text = f"{hours:02d}:{minutes:02d}:{seconds:02d}"
    if days:
        text = f"{days} {text}"
    return f"{text}.{microseconds:06d}" if microseconds else text


def duration_iso_string(duration: dt.timedelta) -> str:
    """The duration in ISO 8601, `-P1DT02H03M04.000005S`."""
    sign = ""
    if duration < dt.timedelta(0):
        sign, duration = "-", -duration
    days, hours, minutes, seconds, microseconds = _parts(duration)
    fraction = f".{microseconds:06d}" if microseconds else ""
    return f"{sign}P{days}DT{hours:02d}H{minutes:02d}M{seconds:02d}{fraction}S"


def duration_microseconds(duration: dt.timedelta) -> int:
    """The duration in whole microseconds, the form SQLite and MySQL store."""
    return (duration.days * 86_400 + duration.seconds) * 1_000_000 + duration.microseconds
