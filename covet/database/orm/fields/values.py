"""The Python types of fields' values: `IntegerField()` holds int, `IntegerField(null=True)` int or None."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    import decimal
    import uuid
    from typing import Any

    from typing_extensions import TypeVar

    IntValue = TypeVar("IntValue", default=int)
    FloatValue = TypeVar("FloatValue", default=float)
    DecimalValue = TypeVar("DecimalValue", default=decimal.Decimal)
    BoolValue = TypeVar("BoolValue", default=bool)
    TextValue = TypeVar("TextValue", default=str)
    DateValue = TypeVar("DateValue", default=dt.date)
    MomentValue = TypeVar("MomentValue", default=dt.datetime)
    TimeValue = TypeVar("TimeValue", default=dt.time)
    DurationValue = TypeVar("DurationValue", default=dt.timedelta)
    UUIDValue = TypeVar("UUIDValue", default=uuid.UUID)
    BytesValue = TypeVar("BytesValue", default=bytes)
    Related = TypeVar("Related", default=Any)
    Target = TypeVar("Target", default=Any)
else:
    from typing import TypeVar

    IntValue = TypeVar("IntValue")
    FloatValue = TypeVar("FloatValue")
    DecimalValue = TypeVar("DecimalValue")
    BoolValue = TypeVar("BoolValue")
    TextValue = TypeVar("TextValue")
    DateValue = TypeVar("DateValue")
    MomentValue = TypeVar("MomentValue")
    TimeValue = TypeVar("TimeValue")
    DurationValue = TypeVar("DurationValue")
    UUIDValue = TypeVar("UUIDValue")
    BytesValue = TypeVar("BytesValue")
    Related = TypeVar("Related")
    Target = TypeVar("Target")
