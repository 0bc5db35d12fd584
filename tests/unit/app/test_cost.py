"""What a request costs in calls of Python functions: a figure that no loaded machine changes."""

import sys

import pytest

from covet.app import Covet
from covet.routing import Router

pytestmark = pytest.mark.covet(portal=False)

router = Router()


@router.get("/plain")
async def plain(request):
    return {"a": 1}


@router.get("/query")
async def query(request):
    return {"a": request.query_params["from"]}


@router.post("/json")
async def json(request):
    return {"a": request.json["a"]}


def make_scope(method, path):
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"from=7",
        "headers": [(b"host", b"127.0.0.1"), (b"content-type", b"application/json"), (b"content-length", b"8")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "scheme": "http",
        "root_path": "",
        "state": {},
    }


async def receive():
    return {"type": "http.request", "body": b'{"a": 1}', "more_body": False}


async def send(_message):
    return None


@pytest.mark.parametrize(
    ("method", "path", "most"), [("GET", "/plain", 20), ("GET", "/query", 27), ("POST", "/json", 31)]
)
async def test_a_request_takes_few_calls(method, path, most, settings):
    settings.ALLOWED_HOSTS = ["*"]
    app = Covet(router, middleware=[])
    # The first ones compile the routes, remember the host and make a greenlet.
    for _ in range(2):
        await app(make_scope(method, path), receive, send)
    scope = make_scope(method, path)
    calls = 0

    def count(_frame, event, _argument):
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        await app(scope, receive, send)
    finally:
        sys.setprofile(None)
    assert calls <= most
