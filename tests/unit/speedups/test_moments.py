"""The codec of timestamps: both twins agree, and agree with arithmetic on datetimes."""

import datetime as dt
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covet._speedups import _moments_py, select

TWINS = [_moments_py, select("moments")]
FIRST = (dt.datetime.min - dt.datetime(2000, 1, 1)) // dt.timedelta(microseconds=1)
LAST = (dt.datetime.max - dt.datetime(2000, 1, 1)) // dt.timedelta(microseconds=1)
SIGNED = st.integers(-(2**63), 2**63 - 1)


def wire(microseconds: int) -> bytes:
    return microseconds.to_bytes(8, "big", signed=True)


@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.__name__)
@given(microseconds=st.integers(FIRST, LAST))
def test_decoding_is_arithmetic(twin: ModuleType, microseconds: int) -> None:
    expected = dt.datetime(2000, 1, 1) + dt.timedelta(microseconds=microseconds)
    assert twin.decode_timestamp(wire(microseconds)) == expected
    assert twin.decode_timestamptz(wire(microseconds)) == expected.replace(tzinfo=dt.UTC)


@given(microseconds=SIGNED)
def test_twins_agree_on_any_bytes(microseconds: int) -> None:
    answers = []
    for twin in TWINS:
        try:
            answers.append(twin.decode_timestamptz(wire(microseconds)))
        except OverflowError:
            answers.append("overflow")
    assert answers[0] == answers[1]


@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.__name__)
@given(moment=st.datetimes(timezones=st.sampled_from([dt.UTC, dt.timezone(dt.timedelta(hours=5, minutes=45))])))
def test_encoding_and_decoding_return_the_moment(twin: ModuleType, moment: dt.datetime) -> None:
    try:
        encoded = twin.encode_timestamptz(moment)
    except OverflowError:
        return
    assert twin.decode_timestamptz(encoded) == moment


@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.__name__)
def test_infinity_is_what_asyncpg_makes_of_it(twin: ModuleType) -> None:
    assert twin.decode_timestamptz(wire(2**63 - 1)) == dt.datetime.max
    assert twin.decode_timestamptz(wire(-(2**63))) == dt.datetime.min
    # The last moment of 9999 is a moment; asyncpg would write it as infinity, Django does not.
    assert twin.encode_timestamptz(dt.datetime.max.replace(tzinfo=dt.UTC)) == wire(LAST)


@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.__name__)
@pytest.mark.parametrize("value", ["2020-01-01", 5, None])
def test_what_is_no_datetime_is_refused(twin: ModuleType, value: object) -> None:
    with pytest.raises(TypeError, match=r"expected a datetime.date or datetime.datetime instance, got"):
        twin.encode_timestamptz(value)
