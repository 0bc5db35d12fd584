"""Points in time as PostgreSQL sends them: microseconds since 2000 to datetimes. `_moments_py` is the reference twin."""

import datetime as dt

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.datetime cimport datetime_new, import_datetime
from libc.stdint cimport int64_t, uint64_t

import_datetime()

cdef object UTC = dt.UTC
cdef object EPOCH_UTC = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
cdef object ONE = dt.timedelta(microseconds=1)
cdef object LAST = dt.datetime.max
cdef object FIRST = dt.datetime.min
cdef object LAST_COUNT = (dt.datetime.max - dt.datetime(2000, 1, 1)) // ONE
cdef object FIRST_COUNT = (dt.datetime.min - dt.datetime(2000, 1, 1)) // ONE

cdef int64_t INFINITY = 0x7FFFFFFFFFFFFFFF
cdef int64_t MINUS_INFINITY = -0x7FFFFFFFFFFFFFFF - 1
cdef int64_t DAY = 86400000000
# Days from 0000-03-01 to 2000-01-01, in the proleptic Gregorian calendar.
cdef int64_t SHIFT = 730425


cdef inline int64_t _number(bytes data) except? -1:
    cdef const unsigned char *source = <const unsigned char *>PyBytes_AS_STRING(data)
    cdef uint64_t value = 0
    cdef int i
    if PyBytes_GET_SIZE(data) != 8:
        raise ValueError("a timestamp has eight bytes")
    for i in range(8):
        value = (value << 8) | source[i]
    return <int64_t>value


cdef object _moment(int64_t microseconds, object zone):
    # The civil date of a day count: eras of 400 years that start in March, so that leap days come last.
    cdef int64_t days = microseconds // DAY
    cdef int64_t rest = microseconds - days * DAY
    cdef int64_t count, era, day_of_era, year_of_era, day_of_year, month_index, year
    cdef int day, month
    if rest < 0:
        rest += DAY
        days -= 1
    count = days + SHIFT
    era = (count if count >= 0 else count - 146096) // 146097
    day_of_era = count - era * 146097
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_index = (5 * day_of_year + 2) // 153
    day = <int>(day_of_year - (153 * month_index + 2) // 5 + 1)
    month = <int>(month_index + 3 if month_index < 10 else month_index - 9)
    year = year_of_era + era * 400 + (1 if month <= 2 else 0)
    if year < 1 or year > 9999:
        raise OverflowError("date value out of range")
    return datetime_new(
        <int>year, month, day, <int>(rest // 3600000000), <int>(rest // 60000000 % 60), <int>(rest // 1000000 % 60),
        <int>(rest % 1000000), zone
    )


def decode_timestamptz(bytes data not None):
    cdef int64_t microseconds = _number(data)
    if microseconds == INFINITY:
        return LAST
    if microseconds == MINUS_INFINITY:
        return FIRST
    return _moment(microseconds, UTC)


def decode_timestamp(bytes data not None):
    cdef int64_t microseconds = _number(data)
    if microseconds == INFINITY:
        return LAST
    if microseconds == MINUS_INFINITY:
        return FIRST
    return _moment(microseconds, None)


def encode_timestamptz(moment):
    if not isinstance(moment, dt.datetime):
        if isinstance(moment, dt.date):
            moment = dt.datetime(moment.year, moment.month, moment.day)
        else:
            raise TypeError(f"expected a datetime.date or datetime.datetime instance, got {type(moment).__name__!r}")
    if moment.tzinfo is None:
        moment = moment.astimezone()
    microseconds = (moment - EPOCH_UTC) // ONE
    if microseconds == LAST_COUNT:
        microseconds = INFINITY
    elif microseconds == FIRST_COUNT:
        microseconds = MINUS_INFINITY
    return microseconds.to_bytes(8, "big", signed=True)
