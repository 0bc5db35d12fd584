"""The application behind uvicorn: what malformed clients get, and that nothing of it stops the server."""

import asyncio
import contextlib
import gc

import pytest
import uvicorn

from covet.app import Covet
from covet.app.server import HTTPProtocol
from covet.http import StreamingResponse
from covet.routing import Router

pytestmark = pytest.mark.covet(portal=False)


@pytest.fixture(scope="module")
def application():
    app = Covet(Router(), middleware=["covet.middleware.security.SecurityHeadersMiddleware"])

    @app.get("/")
    async def index(request):
        return {"ok": True}

    @app.post("/json/")
    async def json(request):
        return request.json({"got": request.json})

    @app.post("/form/")
    async def form(request):
        return dict(await request.form())

    @app.get("/live/")
    async def live(request):
        async def pieces():
            try:
                while True:
                    yield b"x" * 1000
                    await asyncio.sleep(0.01)
            finally:
                closed.append(True)

        return StreamingResponse(pieces())

    @app.get("/page/")
    async def page(request):
        return {"page": int(request.query_params.get("page", 1))}

    return app


closed = []


class Impatient(HTTPProtocol):
    """With shorter times than in production."""

    head_timeout = 1.0
    body_timeout = 1.0


@pytest.fixture
def collector():
    """A server tunes the garbage collector for the rest of its process's life."""
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


@pytest.fixture
async def port(application, settings, collector):
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.SECRET_KEY = "k" * 50
    config = uvicorn.Config(
        application,
        http=Impatient,
        port=0,
        log_config=None,
        log_level="critical",
        lifespan="on",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None
    task = asyncio.ensure_future(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(task, 30)


async def talk(port, data, *, wait=30.0):
    """The first line of what the server answers to raw bytes; empty when it only closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        await writer.drain()
        async with asyncio.timeout(wait):
            return (await reader.read(65536)).split(b"\r\n")[0]
    except (ConnectionError, TimeoutError):
        return b""
    finally:
        writer.close()


GOOD = b"GET / HTTP/1.1\r\nHost: testserver\r\nConnection: close\r\n\r\n"


def request(path="/", headers=b"", method=b"GET", body=b""):
    return method + b" " + path.encode() + b" HTTP/1.1\r\nHost: testserver\r\n" + headers + b"\r\n" + body


BAD = {
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: testserver\r\nHost: testserver\r\n\r\n",
    "two different hosts": b"GET / HTTP/1.1\r\nHost: testserver\r\nHost: evil.com\r\n\r\n",
    "foreign host": b"GET / HTTP/1.1\r\nHost: evil.com\r\n\r\n",
    "empty host": b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "http/1.0 without host": b"GET / HTTP/1.0\r\n\r\n",
    "content-length and transfer-encoding": request(
        "/json/", b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"POST", b"0\r\n\r\n"
    ),
    "two content-lengths": request("/json/", b"Content-Length: 5\r\nContent-Length: 6\r\n", b"POST", b"hello"),
    "bad content-length": request("/json/", b"Content-Length: five\r\n", b"POST", b"hello"),
    "negative content-length": request("/json/", b"Content-Length: -5\r\n", b"POST", b"hello"),
    "bad chunk": request("/json/", b"Transfer-Encoding: chunked\r\n", b"POST", b"zz\r\nhello\r\n"),
    "10 MB header": request("/", b"X-Big: " + b"x" * 10_000_000 + b"\r\n"),
    "100k headers": request("/", b"X-A: 1\r\n" * 100_000),
    "header without name": request("/", b": x\r\n"),
    "control character": request("/", b"X-A: a\x00b\r\n"),
    "bad method": b"G\x00T / HTTP/1.1\r\nHost: testserver\r\n\r\n",
    "no http": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "bad json": request("/json/", b"Content-Type: application/json\r\nContent-Length: 1\r\n", b"POST", b"{"),
    "announced 5 GB": request("/json/", b"Content-Type: application/json\r\nContent-Length: 5000000000\r\n", b"POST"),
    "huge path": request("/" + "a" * 60_000),
    "conversion": request("/page/?page=abc"),
    "long conversion": request("/page/?page=" + "9" * 5000),
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
async def test_malformed_requests_are_4xx_or_closed(port, data):
    answer = await talk(port, data)
    assert answer == b"" or answer.split()[1].startswith(b"4"), answer
    assert (await talk(port, GOOD)).split()[1] == b"200"


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: test",
        b"",
        request("/json/", b"Content-Type: application/json\r\nContent-Length: 100\r\n", b"POST", b'{"a":'),
        request("/form/", b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 100\r\n", b"POST", b"--x"),
    ],
    ids=["half a header", "silence", "half a json body", "half a form"],
)
async def test_clients_that_stop_hold_up_nobody(port, data, caplog, monkeypatch):
    monkeypatch.setattr(Impatient, "head_timeout", 60)
    monkeypatch.setattr(Impatient, "body_timeout", 60)
    writers = []
    for _ in range(20):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(data)
        await writer.drain()
        writers.append(writer)
    assert (await talk(port, GOOD)).split()[1] == b"200"
    for writer in writers:
        writer.close()
    await asyncio.sleep(0.1)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (b"", b""),
        (b"GET / HTTP/1.1\r\nHost: test", b"HTTP/1.1 408 Request Timeout"),
        (request("/"), b"HTTP/1.1 200 OK"),
        (request("/json/", b"Content-Type: application/json\r\nContent-Length: 9\r\n", b"POST", b'{"a":'), b""),
    ],
    ids=["silence", "half a header", "whole", "half a body"],
)
async def test_clients_that_stop_are_closed(port, data, answer):
    assert await talk(port, data) == answer


async def test_a_second_request_on_a_connection_has_its_own_time(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(3):
        writer.write(request("/"))
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(11)
        await asyncio.sleep(0.3)
    writer.write(b"GET / HTTP/1.1\r\n")
    async with asyncio.timeout(30):
        assert (await reader.read()).startswith(b"HTTP/1.1 408")
    writer.close()


async def test_a_stream_stops_when_its_client_leaves(port, caplog):
    closed.clear()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request("/live/"))
    await reader.read(100)
    writer.close()
    async with asyncio.timeout(30):
        while not closed:
            await asyncio.sleep(0.01)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_answers_are_complete_and_keep_the_connection(port):
    """Promise 1."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(3):
        writer.write(request("/"))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        assert b"content-length: 11" in head.lower()
        assert b"x-content-type-options: nosniff" in head.lower()
        assert await reader.readexactly(11) == b'{"ok":true}'
    writer.write(request("/", method=b"HEAD"))
    head = await reader.readuntil(b"\r\n\r\n")
    assert b"content-length: 11" in head.lower()
    writer.close()
