"""Points in time as PostgreSQL sends them, the twin of `moments.pyx`: microseconds since 2000 to datetimes."""

from __future__ import annotations

import datetime as dt

EPOCH = dt.datetime(2000, 1, 1)  # noqa: DTZ001 - the naive half of the two
EPOCH_UTC = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
INFINITY = 0x7FFFFFFFFFFFFFFF
MINUS_INFINITY = -0x8000000000000000
ONE = dt.timedelta(microseconds=1)
LAST = (dt.datetime.max - EPOCH) // ONE
FIRST = (dt.datetime.min - EPOCH) // ONE


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
    microseconds = (moment - EPOCH_UTC) // ONE
    if microseconds == LAST:
        microseconds = INFINITY
    elif microseconds == FIRST:
        microseconds = MINUS_INFINITY
    return microseconds.to_bytes(8, "big", signed=True)


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
