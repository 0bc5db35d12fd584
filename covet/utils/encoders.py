"""JSON of dates, durations, decimals and UUIDs."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import uuid
from typing import Any

from covet.utils.duration import duration_iso_string
from covet.utils.functional import is_lazy, resolve


class JSONEncoder(json.JSONEncoder):
    """Writes dates and times in ECMA-262's form (milliseconds), durations in ISO 8601, decimals as text."""

    def default(self, o: Any) -> Any:
        """The JSON form of what `json` does not know.

        Raises:
            ValueError: an aware time.
        """
        if isinstance(o, dt.datetime):
            text = o.isoformat()
            if o.microsecond:
                text = text[:23] + text[26:]
            return f"{text[:-6]}Z" if text.endswith("+00:00") else text
        if isinstance(o, dt.date):
            return o.isoformat()
        if isinstance(o, dt.time):
            if o.tzinfo is not None:
                raise ValueError("JSON can't represent timezone-aware times.")
            text = o.isoformat()
            return text[:12] if o.microsecond else text
        if isinstance(o, dt.timedelta):
            return duration_iso_string(o)
        if isinstance(o, (decimal.Decimal, uuid.UUID)):
            return str(o)
        if is_lazy(o):
            return resolve(o)
        return super().default(o)


DjangoJSONEncoder = JSONEncoder
