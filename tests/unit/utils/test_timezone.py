"""Now, aware and naive, by TIME_ZONE and USE_TZ."""

import datetime as dt
import zoneinfo

import pytest

from covet.conf import override_settings
from covet.utils import timezone

VIENNA = zoneinfo.ZoneInfo("Europe/Vienna")
SUMMER = dt.datetime(2024, 7, 1, 12, 0)


def test_now_is_aware_with_use_tz() -> None:
    with override_settings(USE_TZ=True):
        assert timezone.now().tzinfo is dt.UTC
    with override_settings(USE_TZ=False):
        assert timezone.now().tzinfo is None


def test_make_aware_takes_the_current_zone() -> None:
    with override_settings(TIME_ZONE="Europe/Vienna"):
        assert timezone.make_aware(SUMMER).utcoffset() == dt.timedelta(hours=2)
        with timezone.override("Asia/Kolkata"):
            assert timezone.make_aware(SUMMER).utcoffset() == dt.timedelta(hours=5, minutes=30)
        with timezone.override(None):
            assert timezone.get_current_timezone() == VIENNA


def test_make_aware_refuses_aware_values() -> None:
    with pytest.raises(ValueError, match="make_aware expects a naive datetime, got 2024-07-01"):
        timezone.make_aware(SUMMER.replace(tzinfo=dt.UTC))


def test_make_naive_is_the_way_back() -> None:
    assert timezone.make_naive(timezone.make_aware(SUMMER, VIENNA), VIENNA) == SUMMER
    with pytest.raises(ValueError, match=r"make_naive\(\) cannot be applied to a naive datetime"):
        timezone.make_naive(SUMMER)


def test_activate_lasts_until_deactivate() -> None:
    timezone.activate(VIENNA)
    assert timezone.get_current_timezone_name() in {"CET", "CEST", "Europe/Vienna"}
    timezone.deactivate()
    assert timezone.get_current_timezone() == timezone.get_default_timezone()
    with pytest.raises(ValueError, match="Invalid timezone: 5"):
        timezone.activate(5)  # type: ignore[arg-type]


def test_localtime_moves_to_the_zone() -> None:
    moment = SUMMER.replace(tzinfo=dt.UTC)
    assert timezone.localtime(moment, VIENNA).hour == 14
    assert timezone.localdate(dt.datetime(2024, 7, 1, 23, tzinfo=dt.UTC), VIENNA) == dt.date(2024, 7, 2)
    with pytest.raises(ValueError, match=r"localtime\(\) cannot be applied to a naive datetime"):
        timezone.localtime(SUMMER)
