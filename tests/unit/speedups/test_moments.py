"""Dates and moments in PostgreSQL's binary form: the compiled twin and the pure one agree, and nothing is infinity."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covet._speedups import _moments_py as pure
from covet._speedups import select

TWINS = [pure, select("moments")]


@pytest.mark.parametrize("twin", TWINS)
@given(st.dates())
def test_dates_come_back(twin: Any, day: dt.date) -> None:
    assert twin.decode_date(twin.encode_date(day)) == day
    assert twin.encode_date(day) == pure.encode_date(day)


@pytest.mark.parametrize("twin", TWINS)
@given(st.datetimes(timezones=st.just(dt.UTC)))
def test_moments_come_back(twin: Any, moment: dt.datetime) -> None:
    assert twin.decode_timestamptz(twin.encode_timestamptz(moment)) == moment
    assert twin.encode_timestamptz(moment) == pure.encode_timestamptz(moment)


@pytest.mark.parametrize("twin", TWINS)
def test_extremes_are_written_as_they_are(twin: Any) -> None:
    assert twin.encode_date(dt.date.max) == (2_921_939).to_bytes(4, "big")
    last = dt.datetime.max.replace(tzinfo=dt.UTC)
    assert twin.encode_timestamptz(last) == (252_455_615_999_999_999).to_bytes(8, "big")


@pytest.mark.parametrize("twin", TWINS)
def test_infinity_is_read_as_the_extreme(twin: Any) -> None:
    assert twin.decode_date(b"\x7f\xff\xff\xff") == dt.date.max
    assert twin.decode_date(b"\x80\x00\x00\x00") == dt.date.min


@pytest.mark.parametrize("twin", TWINS)
def test_days_outside_of_the_calendar_are_refused(twin: Any) -> None:
    with pytest.raises(OverflowError):
        twin.decode_date(b"\x7f\xff\xff\xfe")
