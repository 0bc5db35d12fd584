"""Points in time as PostgreSQL sends them, the twin of `moments.pyx`: microseconds since 2000 to datetimes."""

from __future__ import annotations

import datetime as dt

EPOCH = dt.datetime(2000, 1, 1)  # noqa: DTZ001 - the naive half of the two
EPOCH_UTC = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
INFINITY = 0x7FFFFFFFFFFFFFFF
MINUS_INFINITY = -0x8000000000000000
ONE = dt.timedelta(microseconds=1)
NEVER = 0x7FFFFFFF
EVER = -0x80000000
EPOCH_ORDINAL = EPOCH.toordinal()


def decode_timestamptz(data: bytes) -> dt.datetime:
    """An aware datetime (UTC) of the eight bytes of a timestamptz; naive extremes for infinity, as asyncpg does.

    Raises:
        OverflowError: outside the years 1 to 9999.
    """
    microseconds = int.from_bytes(data, "big", signed=True)
    if microseconds == INFINITY:
        return dt.datetime.max
    if microseconds == MINUS_INFINITY:
        return dt.datetime.min
    return EPOCH_UTC + dt.timedelta(microseconds=microseconds)


def encode_timestamptz(moment: dt.datetime) -> bytes:
    """The eight bytes of an aware (or local naive) datetime.

    Raises:
        TypeError: not a datetime.
    """
    if not isinstance(moment, dt.datetime):
        if isinstance(moment, dt.date):
            moment = dt.datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001 - local, as asyncpg takes it
        else:
            raise TypeError(f"expected a datetime.date or datetime.datetime instance, got {type(moment).__name__!r}")
    if moment.tzinfo is None:
        moment = moment.astimezone()
    # The last moment is a moment: asyncpg's infinity in its place could not be read by Django.
    return ((moment - EPOCH_UTC) // ONE).to_bytes(8, "big", signed=True)


def decode_date(data: bytes) -> dt.date:
    """A date of the four bytes of a date; the extremes for infinity.

    Raises:
        OverflowError: outside the years 1 to 9999.
    """
    days = int.from_bytes(data, "big", signed=True)
    if days == NEVER:
        return dt.date.max
    if days == EVER:
        return dt.date.min
    try:
        return dt.date.fromordinal(days + EPOCH_ORDINAL)
    except ValueError as error:
        raise OverflowError("date value out of range") from error


def encode_date(day: dt.date) -> bytes:
    """The four bytes of a date; the extremes are dates, not infinity as asyncpg has it."""
    return (day.toordinal() - EPOCH_ORDINAL).to_bytes(4, "big", signed=True)


def decode_timestamp(data: bytes) -> dt.datetime:
    """A naive datetime of the eight bytes of a timestamp.

    Raises:
        OverflowError: outside the years 1 to 9999.
    """
    microseconds = int.from_bytes(data, "big", signed=True)
    if microseconds == INFINITY:
        return dt.datetime.max
    if microseconds == MINUS_INFINITY:
        return dt.datetime.min
    return EPOCH + dt.timedelta(microseconds=microseconds)
