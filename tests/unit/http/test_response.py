"""Responses under both frameworks' names; headers and cookies that refuse what would split them."""

import datetime as dt

import pytest
from starlette.responses import Response as StarletteResponse

from covet.exceptions import BadHeaderError, DisallowedRedirect
from covet.http import (
    HTMLResponse,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseNotModified,
    HttpResponsePermanentRedirect,
    HttpResponseRedirect,
    JSONResponse,
    PlainText,
    RedirectResponse,
    Response,
)


async def sent(response, method="GET"):
    messages = []

    async def send(message):
        messages.append(message)

    async def receive():
        return {"type": "http.disconnect"}

    await response({"type": "http", "method": method}, receive, send)
    return messages


def test_djangos_arguments():
    response = HttpResponse("hi", "text/plain", 201, "Made", "latin-1", {"X-A": "1"})
    assert (response.status_code, response.content, response["content-type"]) == (201, b"hi", "text/plain")
    assert (response.reason_phrase, response.charset, response["x-a"]) == ("Made", "latin-1", "1")


def test_starlettes_arguments():
    response = Response("hi", 201, {"X-A": "1"}, "text/plain")
    assert response["content-type"] == "text/plain; charset=utf-8"
    assert isinstance(response, StarletteResponse)


def test_headers_as_a_mapping_on_the_response():
    """Promise 86."""
    response = HTMLResponse("x")
    response["X-Request-Duration"] = "0.1"
    assert response["x-request-duration"] == "0.1"
    assert response.headers["X-Request-Duration"] == "0.1"
    response.headers["X-Other"] = 5
    assert response["x-other"] == "5"
    assert "X-Other" in response
    del response["X-Other"]
    assert not response.has_header("x-other")
    with pytest.raises(KeyError):
        response["x-other"]
    response.setdefault("X-New", "a")
    response.setdefault("X-New", "b")
    assert response.get("x-new") == "a"


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: x=1", "a\nb", "a\rb", "a\x00b", b"a\r\nb"])
@pytest.mark.parametrize("how", ["item", "headers", "argument", "default", "append"])
def test_line_breaks_in_headers_are_refused(value, how):
    response = Response()
    with pytest.raises(BadHeaderError):
        if how == "item":
            response["X-Name"] = value
        elif how == "headers":
            response.headers["X-Name"] = value
        elif how == "default":
            response.headers.setdefault("X-Name", value)
        elif how == "append":
            response.headers.append("X-Name", value)
        else:
            Response(headers={"X-Name": value})


@pytest.mark.parametrize("name", ["", "X Name", "X:Name", "X\r\nName", "Näme"])
def test_header_names_are_tokens(name):
    with pytest.raises(BadHeaderError):
        Response()[name] = "x"


def test_text_beyond_latin_1_is_mime_encoded():
    response = Response()
    response["X-Name"] = "€"
    assert response["X-Name"] == "=?utf-8?b?4oKs?="
    response["X-Name"] = "é"
    assert response.raw_headers[-1] == (b"x-name", b"\xe9")


def test_cookies():
    response = Response()
    response.set_cookie("session", "a b;c", max_age=60, secure=True, httponly=True, samesite="strict", domain="a.b")
    line = dict(response.raw_headers)[b"set-cookie"].decode()
    assert line.startswith('session="a b\\073c"; Max-Age=60; expires=')
    assert line.endswith("; Path=/; Domain=a.b; Secure; HttpOnly; SameSite=Strict")


def test_deleted_cookies_expire_at_once():
    response = Response()
    response.delete_cookie("session")
    line = dict(response.raw_headers)[b"set-cookie"].decode()
    assert line == 'session=""; Max-Age=0; expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/; SameSite=Lax'


def test_cookies_take_dates():
    response = Response()
    response.set_cookie("a", "1", expires=dt.datetime(2030, 1, 1, tzinfo=dt.UTC), samesite=None, path=None)
    assert dict(response.raw_headers)[b"set-cookie"] == b"a=1; expires=Tue, 01 Jan 2030 00:00:00 GMT"


@pytest.mark.parametrize(
    "arguments",
    [
        {"key": "a\r\nb"},
        {"key": "a;b"},
        {"key": ""},
        {"key": "a", "path": "/;secure"},
        {"key": "a", "domain": "x\r\ny"},
        {"key": "a", "expires": "now\r\nSet-Cookie: b=1"},
    ],
)
def test_cookie_parts_that_would_split_are_refused(arguments):
    with pytest.raises(BadHeaderError):
        Response().set_cookie(**arguments)


def test_cookie_values_are_quoted():
    response = Response()
    response.set_cookie("a", "x\r\nSet-Cookie: b=1")
    assert b"\r" not in response.raw_headers[-1][1]
    assert b"\n" not in response.raw_headers[-1][1]
    response.set_cookie("b", "€")
    with pytest.raises(ValueError, match=r'samesite must be "lax", "none", or "strict"\.'):
        response.set_cookie("a", samesite="maybe")


@pytest.mark.parametrize("kind", [HttpResponseRedirect, HttpResponsePermanentRedirect, RedirectResponse])
@pytest.mark.parametrize("url", ["javascript:alert(1)", "java\nscript:alert(1)", "//evil.com", " //evil.com", "\t//e"])
def test_redirects_refuse_scripts_and_foreign_paths(kind, url):
    with pytest.raises(DisallowedRedirect):
        kind(url)


@pytest.mark.parametrize("kind", [HttpResponseRedirect, RedirectResponse])
def test_redirects_encode(kind):
    assert kind("/a b\r\nX: y/ü?q=ü")["Location"] == "/a%20bX:%20y/%C3%BC?q=%C3%BC"
    assert kind("/\\evil.com")["Location"] == "/%5Cevil.com"
    assert kind("https://example.com/?a=%20").url == "https://example.com/?a=%20"


def test_status_codes_are_checked():
    with pytest.raises(TypeError, match="must be an integer"):
        HttpResponse(status="abc")
    with pytest.raises(ValueError, match="from 100 to 599"):
        HttpResponse(status=1000)
    assert HttpResponse(status="201").status_code == 201


def test_content_can_be_written_and_replaced():
    response = HttpResponse(["a", b"b", 1])
    assert response.content == b"ab1"
    response.write("c")
    assert response.content == b"ab1c"
    response.content = "ü"
    assert response.content == "ü".encode()
    assert response.text == "ü"


def test_what_the_charset_lacks_becomes_question_marks():
    assert Response("a\ud800b").body == b"a?b"
    assert Response("€", charset="latin-1").body == b"?"


async def test_a_response_is_two_messages():
    messages = await sent(JSONResponse({"a": 1}, 201))
    assert messages == [
        {
            "type": "http.response.start",
            "status": 201,
            "headers": [(b"content-type", b"application/json"), (b"content-length", b"7")],
        },
        {"type": "http.response.body", "body": b'{"a":1}'},
    ]


async def test_head_has_the_length_and_no_body():
    messages = await sent(PlainText("hello"), "HEAD")
    assert (b"content-length", b"5") in messages[0]["headers"]
    assert messages[1]["body"] == b""


@pytest.mark.parametrize("status", [204, 304])
async def test_bodiless_statuses_send_no_body_and_no_length(status):
    messages = await sent(HttpResponse("ignored", status=status))
    assert all(name != b"content-length" for name, _ in messages[0]["headers"])
    assert messages[1]["body"] == b""


async def test_not_modified_and_not_allowed():
    assert "content-type" not in HttpResponseNotModified()
    assert HttpResponseNotAllowed(["GET", "HEAD"])["Allow"] == "GET, HEAD"


async def test_responses_can_be_awaited():
    response = Response("x")
    assert await response is response
