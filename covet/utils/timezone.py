"""Time zones: what `now` is, and the way between naive and aware datetimes, from TIME_ZONE and USE_TZ."""

from __future__ import annotations

import datetime as dt
import functools
import zoneinfo
from contextlib import ContextDecorator
from contextvars import ContextVar
from typing import Any

from covet.conf import settings

UTC = dt.UTC
utc = dt.UTC

_active: ContextVar[dt.tzinfo | None] = ContextVar("covet_timezone", default=None)


def get_fixed_timezone(offset: dt.timedelta | int) -> dt.timezone:
    """The zone `offset` minutes (or a timedelta) east of UTC."""
    minutes = int(offset.total_seconds() // 60) if isinstance(offset, dt.timedelta) else offset
    hours, rest = divmod(abs(minutes), 60)
    name = f"{'-' if minutes < 0 else '+'}{hours:02d}{rest:02d}"
    return dt.timezone(dt.timedelta(minutes=minutes), name)


@functools.lru_cache
def zone(name: str) -> dt.tzinfo:
    """The zone of that IANA name."""
    return zoneinfo.ZoneInfo(name)


def get_default_timezone() -> dt.tzinfo:
    """The zone of the setting TIME_ZONE."""
    return zone(settings.TIME_ZONE)


def get_default_timezone_name() -> str:
    """The name of the default zone."""
    return _name(get_default_timezone())


def get_current_timezone() -> dt.tzinfo:
    """The zone that `activate` chose in this context, else the default."""
    return _active.get() or get_default_timezone()


def get_current_timezone_name() -> str:
    """The name of the current zone."""
    return _name(get_current_timezone())


def _name(timezone: dt.tzinfo) -> str:
    return timezone.tzname(None) or str(timezone)


def activate(timezone: dt.tzinfo | str) -> None:
    """Make `timezone` current in this context.

    Raises:
        ValueError: it is neither a zone nor a zone's name.
    """
    _active.set(_zone(timezone))


def _zone(timezone: dt.tzinfo | str) -> dt.tzinfo:
    if isinstance(timezone, dt.tzinfo):
        return timezone
    if isinstance(timezone, str):
        return zone(timezone)
    message = f"Invalid timezone: {timezone!r}"
    raise ValueError(message)


def deactivate() -> None:
    """Go back to the default zone."""
    _active.set(None)


class override(ContextDecorator):  # noqa: N801 - Django's name
    """`with override(zone):` makes a zone current for a block; None means the default."""

    def __init__(self, timezone: dt.tzinfo | str | None) -> None:
        self.timezone = timezone
        self._before: list[dt.tzinfo | None] = []

    def __enter__(self) -> None:
        self._before.append(_active.get())
        _active.set(None if self.timezone is None else _zone(self.timezone))

    def __exit__(self, *error: object) -> None:
        _active.set(self._before.pop())


def now() -> dt.datetime:
    """The present: aware and in UTC with USE_TZ, else naive and local."""
    if settings.USE_TZ:
        return dt.datetime.now(UTC)
    return dt.datetime.now()  # noqa: DTZ005 - naive is what USE_TZ=False asks for


def localtime(value: dt.datetime | None = None, timezone: dt.tzinfo | None = None) -> dt.datetime:
    """An aware `value` (now, when None) in `timezone` (the current one, when None).

    Raises:
        ValueError: `value` is naive.
    """
    value = now() if value is None else value
    if is_naive(value):
        message = "localtime() cannot be applied to a naive datetime"
        raise ValueError(message)
    return value.astimezone(timezone or get_current_timezone())


def localdate(value: dt.datetime | None = None, timezone: dt.tzinfo | None = None) -> dt.date:
    """The date of `localtime`."""
    return localtime(value, timezone).date()


def template_localtime(value: Any, use_tz: bool | None = None) -> Any:
    """`value` in the current zone where a template should show it so."""
    wanted = settings.USE_TZ if use_tz is None else use_tz
    if not isinstance(value, dt.datetime) or not wanted or is_naive(value):
        return value
    return localtime(value) if getattr(value, "convert_to_local_time", True) else value


def is_aware(value: dt.datetime | dt.time) -> bool:
    """Whether the value knows its offset from UTC."""
    return value.utcoffset() is not None


def is_naive(value: dt.datetime | dt.time) -> bool:
    """Whether the value has no offset."""
    return value.utcoffset() is None


def make_aware(value: dt.datetime, timezone: dt.tzinfo | None = None) -> dt.datetime:
    """A naive `value` taken as a time in `timezone` (the current one, when None).

    Raises:
        ValueError: `value` is aware already.
    """
    if is_aware(value):
        message = f"make_aware expects a naive datetime, got {value}"
        raise ValueError(message)
    return value.replace(tzinfo=timezone or get_current_timezone())


def make_naive(value: dt.datetime, timezone: dt.tzinfo | None = None) -> dt.datetime:
    """An aware `value` as a naive time in `timezone` (the current one, when None).

    Raises:
        ValueError: `value` is naive.
    """
    if is_naive(value):
        message = "make_naive() cannot be applied to a naive datetime"
        raise ValueError(message)
    return value.astimezone(timezone or get_current_timezone()).replace(tzinfo=None)
