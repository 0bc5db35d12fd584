"""`request.json`: data, awaitable and response maker at once (T28); bad bodies are 400."""

import contextlib

import pytest

from covet.app import Covet
from covet.http import BadJSON, encoding
from covet.http.body import EMPTY, json_body
from covet.testing import TestClient
from tests.pace import cpu_time_within

app = Covet(middleware=[])


@app.post("/echo/")
async def echo(request):
    return request.json({"got": await request.json()}, status=201)


@app.post("/spread/")
async def spread(request):
    return dict(**request.json)


@app.post("/field/")
async def field(request):
    return {"name": request.json["name"], "other": request.json.get("other", "none")}


@app.post("/reader/")
async def reader(request):
    data = request.json
    return {"name": data.get("name")}


@app.post("/careless/")
async def careless(request):
    return request.json({"fine": True}, status=202)


@app.get("/factory/")
async def factory(request):
    return request.json({"error": "Not found"}, status=404)


@app.post("/caught/")
async def caught(request):
    try:
        return {"keys": sorted(dict(**request.json))}
    except ValueError as error:
        return request.json({"error": str(error)}, status=422)


@pytest.fixture
async def client():
    async with TestClient(app) as client:
        yield client


async def test_json_body_spreads_as_a_mapping(client):
    """Promise 77."""
    response = await client.post("/spread/", json={"a": 1, "b": [True, None]})
    assert response.json() == {"a": 1, "b": [True, None]}


async def test_json_body_reads_keys_and_defaults(client):
    """Promise 77."""
    assert (await client.post("/field/", json={"name": "Ada"})).json() == {"name": "Ada", "other": "none"}


async def test_json_called_with_data_is_a_response(client):
    """Promise 78."""
    response = await client.post("/echo/", json=[1, 2])
    assert (response.status_code, response.json()) == (201, {"got": [1, 2]})
    assert response.headers["content-type"] == "application/json"


async def test_json_makes_responses_without_a_body(client):
    """Promise 78."""
    response = await client.get("/factory/")
    assert (response.status_code, response.json()) == (404, {"error": "Not found"})


async def test_a_handler_that_only_answers_does_not_fail_on_a_bad_body(client):
    response = await client.post("/careless/", content=b"{", headers={"content-type": "application/json"})
    assert response.status_code == 202


async def test_a_bad_body_is_a_value_error_for_those_who_catch_it(client):
    response = await client.post("/caught/", content=b"{", headers={"content-type": "application/json"})
    assert response.status_code == 422


async def test_a_missing_key_is_a_400_that_names_it(client):
    response = await client.post("/field/", json={"nom": 1})
    assert (response.status_code, response.json()) == (400, {"error": "The JSON body has no 'name'."})


@pytest.mark.parametrize("path", ["/spread/", "/field/", "/reader/"])
@pytest.mark.parametrize("body", [b"[1]", b'"text"', b"5", b"null", b"true"])
async def test_a_body_of_another_shape_is_400(client, path, body):
    response = await client.post(path, content=body, headers={"content-type": "application/json"})
    assert response.status_code == 400


async def test_awaiting_json_gives_plain_values_too(client):
    response = await client.post("/echo/", content=b"5", headers={"content-type": "application/json"})
    assert response.json() == {"got": 5}


async def test_json_is_read_whatever_the_content_type(client):
    response = await client.post("/field/", content=b'{"name": "x"}', headers={"content-type": "text/plain"})
    assert response.json()["name"] == "x"


BAD = {
    "broken": b'{"a":',
    "empty": b"",
    "blank": b"  \n",
    "not utf-8": b'{"a": "\xff\xfe"}',
    "byte order mark": b"\xef\xbb\xbf{}",
    "utf-16": '{"a": 1}'.encode("utf-16"),
    "nested arrays": b"[" * 100_000 + b"]" * 100_000,
    "nested objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "unclosed arrays": b"[" * 100_000,
    "201 levels": b"[" * 201 + b"]" * 201,
    "long integer": b'{"a": ' + b"9" * 5_000 + b"}",
    "long negative integer": b'{"a": -' + b"9" * 5_000 + b"}",
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "1e400": b'{"a": 1e400}',
    "long float": b'{"a": 1' + b"0" * 400 + b".5}",
    "lone surrogate": b'{"a": "\\ud800"}',
    "lone surrogate beside a long integer": b'{"a": "\\ud800", "b": 123456789012345678901}',
    "single quotes": b"{'a': 1}",
    "trailing comma": b'{"a": 1,}',
    "two values": b"{} {}",
    "control character": b'{"a": "\x00"}',
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
@pytest.mark.parametrize("path", ["/echo/", "/spread/", "/reader/"])
@pytest.mark.parametrize("twin", ["orjson", "json"])
async def test_a_bad_json_body_is_400_within_100_ms(client, body, path, twin, monkeypatch):
    if twin == "json":
        monkeypatch.setattr(encoding, "orjson", None)
    with cpu_time_within(0.1):
        response = await client.post(path, content=body, headers={"content-type": "application/json"})
    assert response.status_code == 400


@pytest.mark.parametrize("twin", ["orjson", "json"])
@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"1180591620717411303424", 2**70),
        (b"-9223372036854775809", -(2**63) - 1),
        (b"18446744073709551616", 2**64),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b'"a\\u0000b"', "a\x00b"),
        (b"1.5e3", 1500.0),
        (b"0.1234567890123456789", 0.12345678901234568),
        (b'"[[[[[[[[{{{{{{"', "[[[[[[[[{{{{{{"),
        (b"[" * 200 + b"]" * 200, None),
    ],
)
def test_both_readers_agree_on_good_bodies(text, value, twin, monkeypatch):
    if twin == "json":
        monkeypatch.setattr(encoding, "orjson", None)
    read = encoding.loads(text)
    if value is not None:
        assert read == value
        assert type(read) is type(value)


def test_brackets_in_strings_are_no_nesting():
    assert encoding.loads(b'{"a": "' + b"[" * 5000 + b'"}') == {"a": "[" * 5000}


def test_many_shallow_brackets_are_no_nesting():
    assert len(encoding.loads(b"[" + b"[1]," * 5000 + b"[2]]")) == 5001


async def test_a_body_beyond_the_memory_limit_is_413(client, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    response = await client.post("/echo/", json={"a": "x" * 200})
    assert response.status_code == 413


async def test_an_unannounced_body_beyond_the_limit_is_413(client, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100

    async def chunks():
        for _ in range(10):
            yield b"x" * 50

    response = await client.post("/echo/", content=chunks(), headers={"content-type": "application/json"})
    assert response.status_code == 413


async def test_a_deep_but_legal_body_can_be_echoed(client):
    body = b"[" * 190 + b"]" * 190
    response = await client.post("/echo/", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"[1]," * 600_000 + b"1]",
        b'["' + b'\\"' * 1_200_000 + b'"]' + b"[]" * 300,
        b"[" * 201 + b'""' * 1_200_000,
        b'["' + b"[" * 2_400_000 + b'"]',
        b"[" * 1_200_000,
    ],
    ids=["many lists", "escapes", "empty strings", "brackets in a string", "deep"],
)
def test_the_largest_bodies_cost_little(body):
    # Two steps of at most 100 ms each, between which other threads run.
    with cpu_time_within(0.2), contextlib.suppress(BadJSON):
        encoding.loads(body)


def test_the_empty_body_raises_a_new_error_each_time():
    with pytest.raises(BadJSON) as first:
        EMPTY["a"]
    with pytest.raises(BadJSON) as second:
        EMPTY.get("a")
    assert first.value is not second.value


def test_an_array_body_is_a_list():
    body = json_body([3, 1, 2])
    assert sorted(body) == [1, 2, 3]
    assert body[0] == 3
    assert body == [3, 1, 2]
