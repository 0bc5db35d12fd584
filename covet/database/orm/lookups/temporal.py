"""Years: comparisons of a date's year become comparisons of the date, which an index can serve."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Callable, Sequence
from typing import Any

from covet.conf import settings
from covet.database.orm.expressions.operators import OPERATORS
from covet.database.orm.expressions.outputs import is_a
from covet.database.orm.lookups.base import BuiltinLookup, bind_field
from covet.database.orm.lookups.comparison import Exact, GreaterThan, GreaterThanOrEqual, LessThan, LessThanOrEqual
from covet.database.orm.shape import Const, is_slot
from covet.utils import timezone


def first_day(year: int, *, iso: bool) -> datetime.date:
    """The first day of a year, of the week-numbering calendar when `iso`."""
    return datetime.date.fromisocalendar(year, 1, 1) if iso else datetime.date(year, 1, 1)


def last_day(year: int, *, iso: bool) -> datetime.date:
    """The last day of a year."""
    if iso:
        return datetime.date.fromisocalendar(year + 1, 1, 1) - datetime.timedelta(days=1)
    return datetime.date(year, 12, 31)


@functools.cache
def bound(*, last: bool, moment: bool, iso: bool) -> Callable[[int], Any]:
    """The preparation of a year into its first or last day, or moment of it in the current time zone."""

    def prepare(year: int) -> Any:
        day = last_day(year, iso=iso) if last else first_day(year, iso=iso)
        if not moment:
            return day
        found = datetime.datetime.combine(day, datetime.time.max if last else datetime.time.min)
        return timezone.make_aware(found) if settings.USE_TZ else found

    return prepare


class YearLookup(BuiltinLookup):
    """A comparison of `ExtractYear` or `ExtractIsoYear` with a year."""

    def year_bound(self, *, last: bool) -> Any:
        """The slot of the year's first or last moment."""
        field = self.lhs.lhs.output_field
        prepare = bound(last=last, moment=is_a(field, "DateTimeField"), iso=self.lhs.lookup_name == "iso_year")
        return (self.rhs if is_slot(self.rhs) else Const(self.rhs)).prep(prepare)

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Sequence[Any]]:
        if not self.rhs_is_direct_value() or self.bilateral_transforms:
            return super().as_sql(compiler, connection)
        text, params = self.process_lhs(compiler, connection, self.lhs.lhs)
        return f"{text} {self.bounds_sql(compiler, connection)}", params

    def get_bound_params(self, start: Any, finish: Any) -> tuple[Any, ...]:
        """Which of a year's first and last moment are compared with."""
        raise NotImplementedError("subclasses of YearLookup must provide a get_bound_params() method")

    def bounds_sql(self, compiler: Any, connection: Any) -> str:
        """The comparison that replaces the extraction."""
        field = bind_field(self.lhs.lhs.output_field)
        (moment,) = self.get_bound_params(self.year_bound(last=False), self.year_bound(last=True))
        comparison: str = OPERATORS[connection.vendor][self.lookup_name] % compiler.bind(moment, field)
        return comparison


class YearExact(YearLookup, Exact):
    """In the year."""

    def bounds_sql(self, compiler: Any, connection: Any) -> str:
        field = bind_field(self.lhs.lhs.output_field)
        start, finish = self.get_bound_params(self.year_bound(last=False), self.year_bound(last=True))
        return f"BETWEEN {compiler.bind(start, field)} AND {compiler.bind(finish, field)}"

    def get_bound_params(self, start: Any, finish: Any) -> tuple[Any, ...]:
        return (start, finish)


class YearGt(YearLookup, GreaterThan):
    """After the year."""

    def get_bound_params(self, start: Any, finish: Any) -> tuple[Any, ...]:
        return (finish,)


class YearGte(YearLookup, GreaterThanOrEqual):
    """In the year or after it."""

    def get_bound_params(self, start: Any, finish: Any) -> tuple[Any, ...]:
        return (start,)


class YearLt(YearLookup, LessThan):
    """Before the year."""

    def get_bound_params(self, start: Any, finish: Any) -> tuple[Any, ...]:
        return (start,)


class YearLte(YearLookup, LessThanOrEqual):
    """In the year or before it."""

    def get_bound_params(self, start: Any, finish: Any) -> tuple[Any, ...]:
        return (finish,)
