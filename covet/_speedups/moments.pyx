"""Points in time as PostgreSQL sends them: microseconds since 2000 to datetimes. `_moments_py` is the twin."""

import datetime as dt

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.datetime cimport date_new, datetime_new, import_datetime
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

import_datetime()

cdef object UTC = dt.UTC
cdef object EPOCH_UTC = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
cdef object ONE = dt.timedelta(microseconds=1)
cdef object LAST = dt.datetime.max
cdef object FIRST = dt.datetime.min
cdef object LAST_DAY = dt.date.max
cdef object FIRST_DAY = dt.date.min
cdef int EPOCH_ORDINAL = dt.date(2000, 1, 1).toordinal()

cdef int64_t INFINITY = 0x7FFFFFFFFFFFFFFF
cdef int64_t MINUS_INFINITY = -0x7FFFFFFFFFFFFFFF - 1
cdef int32_t NEVER = 0x7FFFFFFF
cdef int32_t EVER = -0x7FFFFFFF - 1
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


cdef struct Civil:
    int year
    int month
    int day


cdef Civil _civil(int64_t days) except *:
    # The civil date of a day count: eras of 400 years that start in March, so that leap days come last.
    cdef int64_t count, era, day_of_era, year_of_era, day_of_year, month_index, year
    cdef int day, month
    cdef Civil found
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
    found.year, found.month, found.day = <int>year, month, day
    return found


cdef object _date(int64_t days):
    cdef Civil civil = _civil(days)
    return date_new(civil.year, civil.month, civil.day)


cdef object _moment(int64_t microseconds, object zone):
    cdef int64_t days = microseconds // DAY
    cdef int64_t rest = microseconds - days * DAY
    cdef Civil civil
    if rest < 0:
        rest += DAY
        days -= 1
    civil = _civil(days)
    return datetime_new(
        civil.year, civil.month, civil.day,
        <int>(rest // 3600000000), <int>(rest // 60000000 % 60), <int>(rest // 1000000 % 60),
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
    return ((moment - EPOCH_UTC) // ONE).to_bytes(8, "big", signed=True)


def decode_date(bytes data not None):
    cdef const unsigned char *source = <const unsigned char *>PyBytes_AS_STRING(data)
    cdef uint32_t value
    cdef int32_t days
    if PyBytes_GET_SIZE(data) != 4:
        raise ValueError("a date has four bytes")
    value = (<uint32_t>source[0] << 24) | (<uint32_t>source[1] << 16) | (<uint32_t>source[2] << 8) | source[3]
    days = <int32_t>value
    if days == NEVER:
        return LAST_DAY
    if days == EVER:
        return FIRST_DAY
    return _date(days)


def encode_date(day):
    return (day.toordinal() - EPOCH_ORDINAL).to_bytes(4, "big", signed=True)
