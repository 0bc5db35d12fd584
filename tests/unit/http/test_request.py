"""The request's attributes, in Django's and Starlette's words."""

import contextlib
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covet.exceptions import (
    BadRequest,
    DisallowedHost,
    DisallowedRedirect,
    MultiValueDictKeyError,
    NotInPortal,
    TooManyFieldsSent,
)
from covet.http import QueryDict, Request, Response
from covet.http.querydict import parse_query
from covet.http.request import allowed_hosts
from covet.portal import portal
from tests.pace import cpu_time_within


def make(method="GET", path="/", query=b"", headers=(), body=b"", **extra):
    pieces = [body] if isinstance(body, bytes) else list(body)

    async def receive():
        if pieces:
            return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}
        return {"type": "http.disconnect"}

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query,
        "headers": [(b"host", b"example.com"), *headers],
        "scheme": "http",
        "server": ("example.com", 80),
        "client": ("9.9.9.9", 1234),
        "http_version": "1.1",
        "covet.allowed_hosts": ["example.com"],
        **extra,
    }
    return Request(scope, receive)


def test_query_params_headers_and_state():
    """Promise 80."""
    request = make(query=b"status=published&page=2&tag=a&tag=b", headers=[(b"x-thing", b"1")])
    assert request.query_params.get("status", "x") == "published"
    assert request.query_params.get("missing", "fallback") == "fallback"
    assert int(request.query_params["page"]) == 2
    assert request.GET.getlist("tag") == ["a", "b"]
    assert request.headers["X-Thing"] == "1"
    request.state.user = "ada"
    assert request.state.user == "ada"
    assert request.user == "ada"


def test_a_missing_parameter_is_a_key_error_and_a_bad_request():
    with pytest.raises(KeyError) as caught:
        make().GET["page"]
    assert isinstance(caught.value, MultiValueDictKeyError)
    assert str(caught.value) == "The request has no 'page'."


def test_meta_has_djangos_names():
    request = make(
        path="/a/b/",
        query=b"x=1",
        headers=[(b"content-type", b"text/plain"), (b"x-forwarded-for", b"1.1.1.1"), (b"x_forwarded_for", b"6.6.6.6")],
    )
    assert request.META["HTTP_HOST"] == "example.com"
    assert request.META["CONTENT_TYPE"] == "text/plain"
    assert request.META["QUERY_STRING"] == "x=1"
    assert request.META["PATH_INFO"] == "/a/b/"
    assert request.META["REMOTE_ADDR"] == "9.9.9.9"
    assert request.META["HTTP_X_FORWARDED_FOR"] == "1.1.1.1"


def test_paths_and_urls():
    request = make(path="/käse/", query=b"a=1")
    assert request.get_full_path() == "/k%C3%A4se/?a=1"
    assert request.build_absolute_uri() == "http://example.com/k%C3%A4se/?a=1"
    assert request.build_absolute_uri("/x") == "http://example.com/x"
    assert str(make(path="/x", query=b"q=\xff").url) == "http://example.com/x?q=%FF"


def test_query_strings_that_are_no_utf8_are_read():
    assert make(query=b"q=%ff&r=\xff").GET["q"] == "�"


def test_a_thousand_and_one_parameters_are_refused():
    with pytest.raises(TooManyFieldsSent):
        _ = make(query=b"&".join(b"a=%d" % number for number in range(1001))).GET


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        [b"evil.com"],
        [b"example.com", b"example.com"],
        [b"example.com", b"evil.com"],
        [b"example.com:port"],
        [b"example.com@evil.com"],
        [b"example.com/evil"],
        [b""],
        [b"[::1"],
        [b"evil.com#example.com"],
        [b"\xffexample.com"],
        [b"example.com:999999"],
    ],
)
def test_hosts_that_are_absent_double_foreign_or_malformed_are_disallowed(hosts):
    request = make()
    request.scope["headers"] = [(b"host", host) for host in hosts]
    with pytest.raises(DisallowedHost):
        request.get_host()


@pytest.mark.parametrize("host", [b"example.com", b"EXAMPLE.com", b"example.com:8000", b"example.com."])
def test_allowed_hosts_pass(host):
    request = make()
    request.scope["headers"] = [(b"host", host)]
    assert request.get_host() == host.decode()


def test_subdomain_patterns():
    request = make()
    request.scope["covet.allowed_hosts"] = [".example.com"]
    request.scope["headers"] = [(b"host", b"a.example.com")]
    assert request.get_host() == "a.example.com"
    request.scope["headers"] = [(b"host", b"evilexample.com")]
    with pytest.raises(DisallowedHost):
        request.get_host()


def test_local_names_are_allowed_while_debugging(settings):
    assert list(allowed_hosts()) == []
    settings.DEBUG = True
    request = make()
    del request.scope["covet.allowed_hosts"]
    request.scope["headers"] = [(b"host", b"localhost:8000")]
    assert request.get_host() == "localhost:8000"


def test_a_proxys_word_on_the_scheme_counts_only_where_the_setting_names_its_header(settings):
    headers = [(b"x-forwarded-proto", b"https")]
    assert not make(headers=headers).is_secure()
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert make(headers=headers).is_secure()


def test_redirect_stays_on_this_site():
    """Promise 79."""
    response = make().redirect("/posts/")
    assert (response.status_code, response["Location"]) == (302, "/posts/")
    assert make().redirect("http://example.com/x")["Location"] == "http://example.com/x"
    assert make().redirect("https://pay.example.org/", external=True)["Location"] == "https://pay.example.org/"


@pytest.mark.parametrize(
    "url",
    [
        "//evil.com",
        "/\\evil.com",
        "\\\\evil.com",
        "///evil.com",
        "http:///evil.com",
        "http://evil.com/",
        "https:evil.com",
        "javascript:alert(1)",
        " javascript:alert(1)",
        "java\tscript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "\x08//evil.com",
        "/\t/evil.com",
        "/\r\n/evil.com",
        "http://example.com@evil.com/",
        "http:\\\\evil.com",
        "//example.com:80@evil.com",
        "",
        "http://[::1/",
    ],
)
def test_redirects_that_would_leave_are_refused(url):
    with pytest.raises((BadRequest, DisallowedRedirect)):
        make().redirect(url)


async def test_body_is_bytes_and_awaitable():
    request = make("POST", body=[b"ab", b"cd"])
    assert request.body == b"abcd"
    assert await request.body() == b"abcd"


@pytest.mark.covet(portal=False)
async def test_outside_a_portal_the_body_is_awaited():
    request = make("POST", body=[b'{"a": 1}'])
    with pytest.raises(NotInPortal, match="await it with a call"):
        request.json["a"]
    assert await request.json() == {"a": 1}
    assert request.json["a"] == 1
    assert await make("POST", body=b"xy").body() == b"xy"


async def test_forms_wait_in_a_portal():
    headers = [(b"content-type", b"application/x-www-form-urlencoded")]
    request = make("POST", headers=headers, body=b"name=Ada+L&tag=1&tag=2&empty=")
    assert request.POST["name"] == "Ada L"
    assert request.POST.getlist("tag") == ["1", "2"]
    assert request.POST.get("empty") == ""
    assert len(request.FILES) == 0
    assert (await request.form())["name"] == "Ada L"


async def test_post_is_empty_for_other_methods():
    headers = [(b"content-type", b"application/x-www-form-urlencoded")]
    request = make("PUT", headers=headers, body=b"a=1")
    assert not request.POST
    assert (await request.form())["a"] == "1"


async def test_a_session_without_middleware_says_what_is_missing():
    with pytest.raises(AttributeError, match="add a SessionMiddleware to MIDDLEWARE"):
        _ = make().session


def test_the_user_is_anonymous_until_somebody_says_otherwise():
    request = make()
    assert not request.user.is_authenticated
    assert request.user.is_anonymous
    request.user = "ada"
    assert request.state.user == "ada"


def test_accepts():
    request = make(headers=[(b"accept", b"text/html, application/json;q=0")])
    assert request.accepts("text/html")
    assert not request.accepts("application/json")
    assert make().accepts("anything/at-all")


def test_query_dict_in_djangos_manner():
    query = QueryDict("a=1&a=2&b=%20x")
    assert query.dict() == {"a": "2", "b": " x"}
    assert dict(query.lists()) == {"a": ["1", "2"], "b": [" x"]}
    assert query.urlencode() == "a=1&a=2&b=+x"
    changed = query.copy()
    changed["page"] = 3
    changed.setlist("a", ["9"])
    assert changed.urlencode() == "b=+x&a=9&page=3" or changed.urlencode() == "b=+x&page=3&a=9"
    assert query.urlencode() == "a=1&a=2&b=+x"
    assert changed.pop("a") == ["9"]


async def test_a_portal_carries_the_body_wait():
    request = make("POST", body=[b"1", b"2"])

    async def handler():
        return bytes(request.body)

    assert await portal(handler()) == b"12"


COOKIES = {
    "a=1; b=2": {"a": "1", "b": "2"},
    'a="x y\\073z\\"q"': {"a": 'x y;z"q'},
    "a=b=c; =d; e": {"a": "b=c", "": "e"},
    "": {},
    ";;;": {},
    'a="': {"a": '"'},
    'a="\\': {"a": '"\\'},
}


@pytest.mark.parametrize(("header", "cookies"), COOKIES.items())
def test_cookies_are_read_as_browsers_write_them(header, cookies):
    assert cookies == make(headers=[(b"cookie", header.encode())]).COOKIES


def test_what_is_set_is_read_again():
    for value in ("plain", "a b;c,d", 'q"u\\o', "ü€", "\r\n\x00", ""):
        response = Response()
        response.set_cookie("name", value)
        sent = dict(response.raw_headers)[b"set-cookie"].partition(b";")[0]
        assert make(headers=[(b"cookie", sent)]).COOKIES["name"].encode("latin-1").decode() == value


@pytest.mark.parametrize(
    "headers",
    [
        [(b"cookie", b'a="' + b"\\" * 60_000 + b'"')],
        [(b"cookie", b'a="' + b'\\"' * 30_000 + b'"')],
        [(b"cookie", b"a=" * 30_000)],
        [(b"content-type", b"multipart/form-data; " + b"a=b;" * 15_000)],
        [(b"content-type", b'multipart/form-data; boundary="' + b'\\"' * 30_000)],
        [(b"accept", b",;" * 30_000)],
        [(b"host", b"a" * 60_000)],
        [(b"x-forwarded-for", b"1," * 30_000)],
    ],
)
def test_no_header_holds_up_the_loop(headers):
    request = make(headers=headers)
    with cpu_time_within(0.1):
        _ = (request.COOKIES, request.content_params, request.is_json, request.META)
        request.accepts("text/html")
        with contextlib.suppress(DisallowedHost):
            request.get_host()


@given(st.text(alphabet="ab=&+%2é; ", max_size=30))
def test_a_query_reads_as_the_standard_library_reads_it(text):
    assert parse_query(text) == parse_qsl(text, keep_blank_values=True)


@pytest.mark.parametrize("text", ["a&b&c", "a=1&b=%20&c"])
def test_a_query_has_at_most_so_many_fields(text):
    assert len(parse_query(text, max_fields=3)) == 3
    with pytest.raises(TooManyFieldsSent):
        parse_query(text, max_fields=2)


async def test_a_body_read_as_a_stream_cannot_be_read_again():
    request = make("POST", body=[b"a", b"b"])
    assert [piece async for piece in request.stream()] == [b"a", b"b", b""]
    with pytest.raises(RuntimeError, match="read as a stream already"):
        await request.read()


async def test_a_body_in_pieces_is_joined_and_kept():
    request = make("POST", body=[b"a", b"", b"b"])
    assert await request.read() == b"ab"
    assert await request.read() == b"ab"
    assert [piece async for piece in request.stream()] == [b"ab", b""]


@pytest.mark.parametrize("kind", [b"application/json", b"Application/JSON; charset=utf-8", b"application/hal+json"])
def test_a_json_body_is_known_by_its_type(kind):
    assert make("POST", headers=[(b"content-type", kind)]).is_json


@pytest.mark.parametrize("headers", [[], [(b"content-type", b"text/plain"), (b"content-type", b"application/json")]])
def test_other_bodies_are_no_json(headers):
    assert not make("POST", headers=headers).is_json
