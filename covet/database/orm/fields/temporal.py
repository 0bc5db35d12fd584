"""Dates, times, moments and durations."""

from __future__ import annotations

import datetime as dt
import functools
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, overload

from covet.conf import settings
from covet.database.orm.fields.base import Field, warn_naive
from covet.database.orm.fields.values import DateValue, DurationValue, MomentValue, TimeValue
from covet.exceptions import ValidationError
from covet.utils import timezone
from covet.utils.dateparse import parse_date, parse_datetime, parse_duration, parse_time
from covet.utils.duration import duration_string
from covet.utils.functional import resolve
from covet.utils.translation import gettext_lazy as _

V = TypeVar("V")


class AutoNow(Field[V]):
    """What dates, moments and times have in common: `auto_now` and `auto_now_add`.

    Args:
        verbose_name, name: as in `Field`.
        auto_now: set at every save. auto_now_add: set at the first.
        **kwargs: options of `Field`.
    """

    empty_strings_allowed = False

    def __init__(
        self,
        verbose_name: Any = None,
        name: str | None = None,
        auto_now: bool = False,
        auto_now_add: bool = False,
        **kwargs: Any,
    ) -> None:
        self.auto_now = auto_now
        self.auto_now_add = auto_now_add
        if auto_now or auto_now_add:
            kwargs["editable"] = False
            kwargs["blank"] = True
        super().__init__(verbose_name, name, **kwargs)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        for option in ("auto_now", "auto_now_add"):
            if getattr(self, option):
                kwargs[option] = True
        if self.auto_now or self.auto_now_add:
            del kwargs["editable"], kwargs["blank"]
        return name, path, args, kwargs

    def _now(self) -> Any:
        """The present, in the field's type."""
        return timezone.now()

    def pre_save(self, model_instance: Any, add: bool) -> Any:
        if self.auto_now or (self.auto_now_add and add):
            value = self._now()
            setattr(model_instance, self.attname, value)
            return value
        return super().pre_save(model_instance, add)

    @property
    def has_pre_save(self) -> bool:
        return self.auto_now or self.auto_now_add or type(self).pre_save is not AutoNow.pre_save

    def _invalid(self, code: str, value: Any) -> ValidationError:
        return ValidationError(self.error_messages[code], code=code, params={"value": value})

    def value_to_string(self, obj: Any) -> str:
        value = self.value_from_object(obj)
        return "" if value is None else value.isoformat()

    def get_prep_value(self, value: Any) -> Any:
        return self.to_python(resolve(value))


class DateField(AutoNow[DateValue]):
    """A date."""

    if TYPE_CHECKING:

        @overload
        def __init__(self: DateField[dt.date | None], *args: Any, null: Literal[True], **kwargs: Any) -> None: ...
        @overload
        def __init__(self: DateField[dt.date | None], *args: Any, nullable: Literal[True], **kwargs: Any) -> None: ...
        @overload
        def __init__(self: DateField[dt.date], *args: Any, **kwargs: Any) -> None: ...
        def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid": _("“%(value)s” value has an invalid date format. It must be in YYYY-MM-DD format."),
        "invalid_date": _("“%(value)s” value has the correct format (YYYY-MM-DD) but it is an invalid date."),
    }
    description = _("Date (without time)")

    def get_internal_type(self) -> str:
        return "DateField"

    def to_python(self, value: Any) -> Any:
        if value is None:
            return value
        if isinstance(value, dt.datetime):
            if settings.USE_TZ and timezone.is_aware(value):
                value = timezone.make_naive(value, timezone.get_default_timezone())
            return value.date()
        if isinstance(value, dt.date):
            return value
        try:
            parsed = parse_date(value)
        except ValueError:
            raise self._invalid("invalid_date", value) from None
        if parsed is None:
            raise self._invalid("invalid", value)
        return parsed

    def _now(self) -> Any:
        return dt.date.today()  # noqa: DTZ011 - Django's: the server's date

    def contribute_to_class(self, cls: Any, name: str, private_only: bool = False) -> None:
        super().contribute_to_class(cls, name, private_only)
        if self.null:
            return
        for direction, is_next in (("next", True), ("previous", False)):
            neighbour = functools.partialmethod(cls._get_next_or_previous_by_FIELD, field=self, is_next=is_next)
            for method in (f"get_{direction}_by_{self.name}", f"aget_{direction}_by_{self.name}"):
                if not hasattr(cls, method):
                    setattr(cls, method, neighbour)


class DateTimeField(DateField[MomentValue]):
    """A moment; aware when USE_TZ."""

    if TYPE_CHECKING:

        @overload
        def __init__(
            self: DateTimeField[dt.datetime | None], *args: Any, null: Literal[True], **kwargs: Any
        ) -> None: ...
        @overload
        def __init__(
            self: DateTimeField[dt.datetime | None], *args: Any, nullable: Literal[True], **kwargs: Any
        ) -> None: ...
        @overload
        def __init__(self: DateTimeField[dt.datetime], *args: Any, **kwargs: Any) -> None: ...
        def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid": _(
            "“%(value)s” value has an invalid format. It must be in YYYY-MM-DD HH:MM[:ss[.uuuuuu]][TZ] format."
        ),
        "invalid_date": _("“%(value)s” value has the correct format (YYYY-MM-DD) but it is an invalid date."),
        "invalid_datetime": _(
            "“%(value)s” value has the correct format (YYYY-MM-DD HH:MM[:ss[.uuuuuu]][TZ]) but it is an invalid "
            "date/time."
        ),
    }
    description = _("Date (with time)")

    def get_internal_type(self) -> str:
        return "DateTimeField"

    def to_python(self, value: Any) -> Any:
        if value is None or isinstance(value, dt.datetime):
            return value
        if isinstance(value, dt.date):
            value = dt.datetime(value.year, value.month, value.day)  # noqa: DTZ001 - made aware below
            if settings.USE_TZ:
                warn_naive(
                    f"DateTimeField {self._label()} received a naive datetime ({value}) while time zone support is "
                    "active."
                )
                value = timezone.make_aware(value, timezone.get_default_timezone())
            return value
        try:
            moment = parse_datetime(value)
        except ValueError:
            raise self._invalid("invalid_datetime", value) from None
        if moment is not None:
            return moment
        try:
            date = parse_date(value)
        except ValueError:
            raise self._invalid("invalid_date", value) from None
        if date is None:
            raise self._invalid("invalid", value)
        return dt.datetime(date.year, date.month, date.day)  # noqa: DTZ001 - Django's: naive here

    def _label(self) -> str:
        model = getattr(self, "model", None)
        return f"{model.__name__}.{self.name}" if model is not None else "(unbound)"

    def _now(self) -> Any:
        return timezone.now()

    def get_prep_value(self, value: Any) -> Any:
        value = self.to_python(resolve(value))
        if value is not None and settings.USE_TZ and timezone.is_naive(value):
            warn_naive(
                f"DateTimeField {self._label()} received a naive datetime ({value}) while time zone support is active."
            )
            value = timezone.make_aware(value, timezone.get_default_timezone())
        return value


class TimeField(AutoNow[TimeValue]):
    """A time of day."""

    if TYPE_CHECKING:

        @overload
        def __init__(self: TimeField[dt.time | None], *args: Any, null: Literal[True], **kwargs: Any) -> None: ...
        @overload
        def __init__(self: TimeField[dt.time | None], *args: Any, nullable: Literal[True], **kwargs: Any) -> None: ...
        @overload
        def __init__(self: TimeField[dt.time], *args: Any, **kwargs: Any) -> None: ...
        def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid": _("“%(value)s” value has an invalid format. It must be in HH:MM[:ss[.uuuuuu]] format."),
        "invalid_time": _("“%(value)s” value has the correct format (HH:MM[:ss[.uuuuuu]]) but it is an invalid time."),
    }
    description = _("Time")

    def get_internal_type(self) -> str:
        return "TimeField"

    def to_python(self, value: Any) -> Any:
        if value is None or isinstance(value, dt.time):
            return value
        if isinstance(value, dt.datetime):
            return value.time()
        try:
            parsed = parse_time(value)
        except ValueError:
            raise self._invalid("invalid_time", value) from None
        if parsed is None:
            raise self._invalid("invalid", value)
        return parsed

    def _now(self) -> Any:
        return dt.datetime.now().time()  # noqa: DTZ005 - Django's: the server's clock


class DurationField(Field[DurationValue]):
    """A length of time."""

    if TYPE_CHECKING:

        @overload
        def __init__(
            self: DurationField[dt.timedelta | None], *args: Any, null: Literal[True], **kwargs: Any
        ) -> None: ...
        @overload
        def __init__(
            self: DurationField[dt.timedelta | None], *args: Any, nullable: Literal[True], **kwargs: Any
        ) -> None: ...
        @overload
        def __init__(self: DurationField[dt.timedelta], *args: Any, **kwargs: Any) -> None: ...
        def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    empty_strings_allowed = False
    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid": _("“%(value)s” value has an invalid format. It must be in [DD] [[HH:]MM:]ss[.uuuuuu] format.")
    }
    description = _("Duration")

    def get_internal_type(self) -> str:
        return "DurationField"

    def to_python(self, value: Any) -> Any:
        if value is None or isinstance(value, dt.timedelta):
            return value
        try:
            parsed = parse_duration(value)
        except ValueError:
            parsed = None
        if parsed is None:
            raise ValidationError(self.error_messages["invalid"], code="invalid", params={"value": value})
        return parsed

    def get_prep_value(self, value: Any) -> Any:
        value = resolve(value)
        return self.to_python(value) if isinstance(value, str) else value

    def value_to_string(self, obj: Any) -> str:
        value = self.value_from_object(obj)
        return "" if value is None else duration_string(value)
