"""JSON in and out: orjson where it is installed, the standard library with the same results elsewhere.

Responses write through `dumps`, request bodies are read through `loads`; neither knows of requests.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import decimal
import enum
import gc
import importlib
import json
import math
import re
import uuid
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import accumulate
from pathlib import PurePath
from types import ModuleType
from typing import Any, Final

from covet.exceptions import BadJSON
from covet.utils.functional import Promise

MAX_DEPTH: Final = 200
"""Levels of nesting in a body; deeper ones could not be written out again."""

LARGE: Final = 64 * 1024
"""Bytes beyond which a body is worth a thread, and a pause of the garbage collector."""

HIDDEN_FIELDS: Final = frozenset({"password", "password_hash"})
"""Columns of a model that its JSON form leaves out."""

# orjson reads integers beyond 64 bits as floats; a body that may hold one goes to the exact reader.
_LONG_DIGITS: Final = re.compile(rb"[0-9]{18}")
_NO_DIGITS: Final = bytes(set(range(256)) - set(b"0123456789"))
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_AS_STEPS: Final = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_PIECE: Final = 16_384

Default = Callable[[Any], Any]


def _find_orjson() -> ModuleType | None:
    try:
        return importlib.import_module("orjson")
    except ModuleNotFoundError:
        return None


orjson: Any = _find_orjson()


def model_to_dict(instance: Any) -> dict[str, Any]:
    """A model instance's loaded columns by attribute name; deferred columns and password hashes are left out.

    A model that defines `to_dict()` (sync) decides for itself.
    """
    own = getattr(instance, "to_dict", None)
    if own is not None:
        return dict(own())
    values = instance.__dict__
    kind: Any = type(instance)
    return {name: values[name] for name in _shown_columns(kind) if name in values}


@lru_cache(maxsize=1024)
def _shown_columns(model: Any) -> tuple[str, ...]:
    names = (field.attname for field in model._meta.concrete_fields)
    return tuple(name for name in names if name not in HIDDEN_FIELDS)


def duration_iso(value: dt.timedelta) -> str:
    """An ISO 8601 duration, as Django's encoder writes it: `P1DT02H03M04S`."""
    sign = "-" if value < dt.timedelta(0) else ""
    value = abs(value)
    hours, rest = divmod(value.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    fraction = f".{value.microseconds:06d}" if value.microseconds else ""
    return f"{sign}P{value.days}DT{hours:02d}H{minutes:02d}M{seconds:02d}{fraction}S"


def default(value: Any) -> Any:
    """What a value that JSON has no form for is written as.

    Raises:
        TypeError: the value has no JSON form; the message names its type.
    """
    if isinstance(value, Promise):
        return value.resolve()
    if isinstance(value, (decimal.Decimal, PurePath)):
        return str(value)
    if isinstance(value, dt.timedelta):
        return duration_iso(value)
    if isinstance(value, dt.time):
        if value.tzinfo is not None:
            raise TypeError("JSON can't represent timezone-aware times.")
        return value.isoformat()
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode()
    for name, convert in _BY_ATTRIBUTE:
        if hasattr(value, name):
            return convert(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _evaluated(rows: Any) -> list[Any]:
    """The rows of a QuerySet that was awaited; another one waits here, inside a portal."""
    return list(rows)


_BY_ATTRIBUTE: tuple[tuple[str, Default], ...] = (
    ("__json__", lambda value: value.__json__()),
    ("model_dump", lambda value: value.model_dump(mode="json")),
    ("_fetch_all", _evaluated),
    ("_meta", model_to_dict),
    ("tolist", lambda value: value.tolist()),
)


def django_default(value: Any) -> Any:
    """`default`, with datetimes cut to milliseconds as Django's `JsonResponse` writes them."""
    if isinstance(value, (dt.datetime, dt.time)):
        text = value.isoformat()
        if isinstance(value, dt.time) and value.tzinfo is not None:
            raise TypeError("JSON can't represent timezone-aware times.")
        if value.microsecond:
            start = text.index(".")
            text = text[: start + 4] + text[start + 7 :]
        return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text
    return default(value)


def dumps(value: Any, *, fallback: Default = default) -> bytes:
    """`value` as compact UTF-8 JSON.

    Datetimes are ISO 8601 with `Z` for UTC, Decimals and UUIDs strings, NaN and infinities null; models are
    their columns, pydantic models their JSON form, dataclasses their fields, enums their values. Integers of any
    size and keys that are not strings work.

    Raises:
        TypeError: a value has no JSON form.
    """
    if orjson is not None:
        options = orjson.OPT_UTC_Z
        if fallback is not default:
            options |= orjson.OPT_PASSTHROUGH_DATETIME
        try:
            return orjson.dumps(value, fallback, options)  # type: ignore[no-any-return]
        except TypeError:
            # Big integers, keys that are no strings, lone surrogates, depth: the exact writer decides.
            pass
    return _exact(value, fallback)


def _exact(value: Any, fallback: Default) -> bytes:
    plain = _plain(value, fallback)
    try:
        return json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(plain, allow_nan=False, separators=(",", ":")).encode()


def _plain(value: Any, fallback: Default) -> Any:
    """`value` in the types of the json module, converted exactly as orjson would convert it."""
    if value is None or value is True or value is False:
        return value
    kind = type(value)
    if kind is str or kind is int:
        return value
    if isinstance(value, enum.Enum):
        return _plain(value.value, fallback)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {_key(key): _plain(item, fallback) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, fallback) for item in value]
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, dt.datetime) and fallback is default:
        text = value.isoformat()
        return text[:-6] + "Z" if text.endswith("+00:00") else text
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value.isoformat()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: _plain(getattr(value, item.name), fallback) for item in dataclasses.fields(value)}
    return _plain(fallback(value), fallback)


def _key(key: Any) -> str:
    if isinstance(key, enum.Enum):
        key = key.value
    if isinstance(key, str):
        return str.__str__(key)
    if key is None:
        return "null"
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, (int, float)):
        return repr(key)
    if isinstance(key, (uuid.UUID, dt.date, dt.time, decimal.Decimal)):
        return str(key) if isinstance(key, (uuid.UUID, decimal.Decimal)) else key.isoformat()
    raise TypeError(f"JSON object keys must be strings, numbers or dates, not {type(key).__name__}")


def loads(body: bytes | str) -> Any:
    """The value of a JSON text.

    Raises:
        BadJSON: the text is empty, malformed, not UTF-8, nested deeper than `MAX_DEPTH`, or holds NaN, an infinite
            number, a lone surrogate, or an integer of more than 4,300 digits.
    """
    raw = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    if not raw or raw.isspace():
        raise BadJSON("The request body is empty; expected JSON.")
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _depth_exceeds(raw, MAX_DEPTH):
        raise BadJSON(f"The JSON body is nested deeper than {MAX_DEPTH} levels.")
    # Half a million lists would wake the collector again and again, for three times the parsing's own time.
    pausing = len(raw) > LARGE and gc.isenabled()
    if pausing:
        gc.disable()
    try:
        # Most bodies have few digits in all, and counting them costs a tenth of the search.
        if orjson is not None and (len(raw.translate(None, _NO_DIGITS)) < 18 or _LONG_DIGITS.search(raw) is None):
            return orjson.loads(raw)
        return _read_exactly(raw)
    except (ValueError, RecursionError) as error:
        raise BadJSON(f"The request body is not valid JSON: {_reason(error)}") from error
    finally:
        if pausing:
            gc.enable()


def _read_exactly(raw: bytes) -> Any:
    if raw.startswith(b"\xef\xbb\xbf"):
        raise ValueError("a byte order mark is not allowed")
    text = raw.decode("utf-8")
    value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    if "\\ud" in text.lower():
        # The decoder joins pairs and keeps halves: only encoding tells them apart.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is out of range")
    return number


def _reason(error: BaseException) -> str:
    if isinstance(error, UnicodeError):
        return "it is not UTF-8"
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} (line {error.lineno}, column {error.colno})" if orjson is None else str(error)
    text = str(error)
    return "an integer is too long" if text.startswith("Exceeds the limit") else text


def _depth_exceeds(raw: bytes, limit: int) -> bool:
    """Whether brackets outside strings nest deeper than `limit`; malformed texts may say either."""
    if not _deeper(raw.translate(_AS_STEPS, _NO_BRACKETS), limit):
        return False
    plain = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    outside: list[bytes] = []
    in_string = 0
    for start in range(0, len(plain), _PIECE):
        # One piece at a time: between them other threads get their turn.
        parts = plain[start : start + _PIECE].split(b'"')
        outside.append(b"".join(parts[in_string::2]))
        in_string = (in_string + len(parts) - 1) % 2
    return _deeper(b"".join(outside).translate(_AS_STEPS, _NO_BRACKETS), limit)


def _deeper(brackets: bytes, limit: int) -> bool:
    """Whether the running sum of the steps exceeds `limit`."""
    steps = memoryview(brackets).cast("b")
    depth = 0
    for start in range(0, len(steps), _PIECE):
        depths = list(accumulate(steps[start : start + _PIECE], initial=depth))
        if max(depths) > limit:
            return True
        depth = depths[-1]
    return False
