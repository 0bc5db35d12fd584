"""What responses write, with orjson and without it: the same bytes."""

import dataclasses
import datetime as dt
import decimal
import enum
import json
import uuid

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from covet.http import JsonResponse, encoding


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: int
    y: float


class Schema(pydantic.BaseModel):
    name: str
    when: dt.date


class Field:
    def __init__(self, attname):
        self.attname = attname


class Meta:
    concrete_fields = [Field("id"), Field("author_id"), Field("password"), Field("later")]


class Row:
    """What a model instance looks like from here."""

    _meta = Meta

    def __init__(self):
        self.id = 1
        self.author_id = 2
        self.password = "pbkdf2$secret"
        self._state = None


UTC = dt.UTC
VALUES = {
    "datetime": (dt.datetime(2026, 1, 2, 3, 4, 5, 678901, UTC), '"2026-01-02T03:04:05.678901Z"'),
    "whole second": (dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), '"2026-01-02T03:04:05Z"'),
    "naive": (dt.datetime(2026, 1, 2, 3, 4, 5), '"2026-01-02T03:04:05"'),
    "offset": (dt.datetime(2026, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=2))), '"2026-01-02T00:00:00+02:00"'),
    "date": (dt.date(2026, 1, 2), '"2026-01-02"'),
    "time": (dt.time(3, 4, 5), '"03:04:05"'),
    "duration": (dt.timedelta(days=1, hours=2, microseconds=5), '"P1DT02H00M00.000005S"'),
    "negative duration": (dt.timedelta(seconds=-90), '"-P0DT00H01M30S"'),
    "decimal": (decimal.Decimal("1.10"), '"1.10"'),
    "uuid": (uuid.UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
    "enum": (Colour.RED, '"red"'),
    "dataclass": (Point(1, 2.5), '{"x":1,"y":2.5}'),
    "pydantic": (Schema(name="a", when=dt.date(2026, 1, 2)), '{"name":"a","when":"2026-01-02"}'),
    "model": (Row(), '{"id":1,"author_id":2}'),
    "models": ([Row()], '[{"id":1,"author_id":2}]'),
    "set": ({1}, "[1]"),
    "tuple": ((1, "a"), '[1,"a"]'),
    "bytes": (b"hi", '"aGk="'),
    "big integer": (2**70, "1180591620717411303424"),
    "integer keys": ({2: "a", None: "b", True: "c"}, '{"2":"a","null":"b","true":"c"}'),
    "nan": (float("nan"), "null"),
    "infinity": ([float("inf")], "[null]"),
    "infinity beside a big integer": ([float("inf"), 2**70], "[null,1180591620717411303424]"),
    "unicode": ("ü\U0001f600", '"ü\U0001f600"'),
    "datetime beside a big integer": (
        [dt.datetime(2026, 1, 2, 3, 4, 5, 6, UTC), 2**64],
        '["2026-01-02T03:04:05.000006Z",18446744073709551616]',
    ),
}


@pytest.mark.parametrize(("value", "text"), VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("twin", ["orjson", "json"])
def test_values_are_written_the_same_by_both(value, text, twin, monkeypatch):
    if twin == "json":
        monkeypatch.setattr(encoding, "orjson", None)
    assert encoding.dumps(value).decode() == text


@pytest.mark.parametrize("twin", ["orjson", "json"])
def test_a_lone_surrogate_is_escaped(twin, monkeypatch):
    if twin == "json":
        monkeypatch.setattr(encoding, "orjson", None)
    assert encoding.dumps("a\ud800") == b'"a\\ud800"'


@pytest.mark.parametrize("twin", ["orjson", "json"])
def test_a_value_without_json_form_is_named(twin, monkeypatch):
    if twin == "json":
        monkeypatch.setattr(encoding, "orjson", None)
    with pytest.raises(TypeError, match="Object of type object is not JSON serializable"):
        encoding.dumps({"a": object()})


@pytest.mark.parametrize("twin", ["orjson", "json"])
def test_djangos_response_cuts_datetimes_to_milliseconds(twin, monkeypatch):
    if twin == "json":
        monkeypatch.setattr(encoding, "orjson", None)
    when = dt.datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
    assert JsonResponse({"a": when, "b": dt.time(1, 2, 3, 456789)}).content == (
        b'{"a":"2026-01-02T03:04:05.678Z","b":"01:02:03.456"}'
    )


def test_djangos_response_refuses_lists_unless_told():
    with pytest.raises(TypeError, match="set the safe parameter to False"):
        JsonResponse([1])
    assert JsonResponse([1], safe=False).content == b"[1]"


def test_djangos_response_takes_an_encoder_and_dumps_parameters():
    class Encoder(json.JSONEncoder):
        def default(self, o):
            return "odd"

    assert JsonResponse({"a": object()}, encoder=Encoder).content == b'{"a":"odd"}'
    assert JsonResponse({"a": 1}, json_dumps_params={"indent": 1}).content == b'{\n "a": 1\n}'


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates() | st.uuids() | st.decimals()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(values)
def test_both_twins_write_the_same_bytes(value):
    fast = encoding.dumps(value)
    found = encoding.orjson
    encoding.orjson = None
    try:
        slow = encoding.dumps(value)
    finally:
        encoding.orjson = found
    assert json.loads(fast) == json.loads(slow)
