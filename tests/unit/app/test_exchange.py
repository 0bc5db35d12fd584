"""Our HTTP protocol beside uvicorn's own: the same bytes for the same requests and applications, in fewer writes."""

import asyncio

import httptools
import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from covet.app import exchange
from covet.app.server import HTTPProtocol, split_target
from tests.pace import until

pytestmark = pytest.mark.covet(portal=False)

GET = b"GET /a%20b?x=1 HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\n\r\n"
POST = b"POST /p HTTP/1.1\r\nHost: example.com\r\nContent-Length: 10\r\n\r\n"


class Transport(asyncio.Transport):
    """Keeps what was written."""

    def __init__(self):
        super().__init__()
        self.writes = []
        self.closed = False
        self.is_reading = True

    def get_extra_info(self, name, default=None):
        return {"peername": ("127.0.0.1", 5000), "sockname": ("127.0.0.1", 80)}.get(name, default)

    def write(self, data):
        if data:
            self.writes.append(bytes(data))

    def writelines(self, parts):
        self.write(b"".join(parts))

    def is_closing(self):
        return self.closed

    def close(self):
        self.closed = True

    def pause_reading(self):
        self.is_reading = False

    def resume_reading(self):
        self.is_reading = True

    @property
    def sent(self):
        return b"".join(self.writes)


def connected(kind, app, **options):
    state = ServerState()
    state.default_headers = [(b"date", b"Fri, 20 Nov 2026 10:00:00 GMT")]
    config = uvicorn.Config(app, log_config=None, lifespan="off", ws="none", **options)
    protocol = kind(config, state, {"here": 1})
    transport = Transport()
    protocol.connection_made(transport)
    return protocol, transport, state


async def settle(state):
    for _ in range(10):
        await asyncio.sleep(0)
        if not state.tasks:
            break


def answering(*messages):
    async def app(scope, receive, send):
        for message in messages:
            await send(dict(message))

    return app


def start(*headers, status=200):
    return {"type": "http.response.start", "status": status, "headers": headers}


def body(content=b"", more_body=False):
    return {"type": "http.response.body", "body": content, "more_body": more_body}


async def echo(scope, receive, send):
    parts = []
    while True:
        message = await receive()
        parts.append(message["body"])
        if not message["more_body"]:
            break
    content = repr((scope["method"], scope["path"], scope["query_string"], scope["headers"], scope["state"])).encode()
    await send(start((b"Content-Length", b"%d" % len(content + b"".join(parts)))))
    await send(body(content + b"".join(parts)))


LENGTH = (b"content-length", b"2")
PLAIN = (b"content-type", b"text/plain")
APPLICATIONS = {
    "whole": answering(start(PLAIN, LENGTH), body(b"ok")),
    "in pieces": answering(start(LENGTH), body(b"o", True), body(b"k")),
    "chunked": answering(start(PLAIN), body(b"one", True), body(b"", True), body(b"two")),
    "chunked by name": answering(start((b"Transfer-Encoding", b"chunked")), body(b"one", True), body()),
    "empty": answering(start((b"content-length", b"0")), body()),
    "no content": answering(start(status=204), body()),
    "not modified": answering(start(PLAIN, status=304), body()),
    "large": answering(start((b"content-length", b"200000")), body(b"x" * 200_000)),
    "closing": answering(start(LENGTH, (b"Connection", b"keep-alive, Close")), body(b"ok")),
    "unknown status": answering(start(LENGTH, status=599), body(b"ok")),
    "headers as lists": answering(start([b"content-type", b"text/html"], LENGTH), body(b"ok")),
    "many cookies": answering(start((b"Set-Cookie", b"a=1"), (b"set-cookie", b"b=2"), LENGTH), body(b"ok")),
    "echo": echo,
}
FAILING = {
    "raising": answering({"type": "http.response.body"}),
    "nothing": answering(),
    "no start": answering(body()),
    "too long": answering(start(LENGTH), body(b"long")),
    "broken name": answering(start((b"a b", b"c"), LENGTH), body(b"ok")),
    "broken value": answering(start((b"a", b"b\r\nc: d"), LENGTH), body(b"ok")),
}
REQUESTS = {
    "GET": [GET],
    "HEAD": [GET.replace(b"GET", b"HEAD")],
    "POST": [POST, b"12345", b"67890"],
    "POST at once": [POST + b"1234567890"],
    "chunked": [b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", b"0\r\n\r\n"],
    "expecting": [POST.replace(b"\r\n\r\n", b"\r\nExpect: 100-Continue\r\n\r\n"), b"1234567890"],
    "HTTP/1.0": [GET.replace(b"HTTP/1.1", b"HTTP/1.0")],
    "closing": [GET.replace(b"Accept: */*", b"Connection: close")],
    "pipelined": [GET + GET + POST + b"1234567890"],
    "in two": [GET[:20], GET[20:]],
    "malformed": [b"GET / HTTP/1.1\r\nHost a\r\n\r\n"],
    "absolute": [GET.replace(b"/a%20b", b"http://example.com/c")],
    "no target": [GET.replace(b"/a%20b", b"%%%")],
}


async def conversation(kind, app, parts):
    protocol, transport, state = connected(kind, app)
    for part in parts:
        protocol.data_received(part)
        await settle(state)
    await settle(state)
    protocol.connection_lost(None)
    assert not state.tasks
    return transport


@pytest.mark.parametrize("request_name", REQUESTS)
@pytest.mark.parametrize("application", APPLICATIONS)
async def test_the_bytes_are_uvicorn_s(application, request_name):
    """The reference is uvicorn's own protocol."""
    app, parts = APPLICATIONS[application], REQUESTS[request_name]
    expected = await conversation(HttpToolsProtocol, app, parts)
    found = await conversation(HTTPProtocol, app, parts)
    assert found.sent == expected.sent
    assert found.closed == expected.closed
    assert len(found.writes) <= len(expected.writes)


@pytest.mark.parametrize("application", FAILING)
async def test_a_broken_application_gets_an_answer_or_an_end(application):
    expected = await conversation(HttpToolsProtocol, FAILING[application], [GET])
    found = await conversation(HTTPProtocol, FAILING[application], [GET])
    assert found.closed == expected.closed
    if expected.sent.startswith(b"HTTP/1.1 500"):
        assert found.sent == expected.sent
    else:
        assert b"long" not in found.sent
        assert found.closed


async def test_a_whole_response_is_one_write():
    transport = await conversation(HTTPProtocol, APPLICATIONS["whole"], [GET, GET])
    assert len(transport.writes) == 2
    assert transport.writes[0].endswith(b"\r\n\r\nok")


async def test_the_head_of_a_stream_does_not_wait_for_its_first_piece():
    """A browser's EventSource is open when the head has come."""
    go_on = asyncio.Event()

    async def app(scope, receive, send):
        await send(start((b"content-type", b"text/event-stream")))
        await go_on.wait()
        await send(body(b"data: 1\n\n"))

    protocol, transport, state = connected(HTTPProtocol, app)
    protocol.data_received(GET)
    for _ in range(5):
        await asyncio.sleep(0)
    assert transport.sent.startswith(b"HTTP/1.1 200")
    go_on.set()
    await settle(state)
    assert b"data: 1" in transport.sent


async def test_remembered_headers_stay_few(monkeypatch):
    monkeypatch.setattr(exchange, "CROWD", 4)
    for number in range(20):
        app = answering(start((b"content-type", b"text/x-%d" % number), (b"etag", b"%d" % number), LENGTH), body(b"ok"))
        transport = await conversation(HTTPProtocol, app, [GET])
        assert b"content-type: text/x-%d\r\n" % number in transport.sent
    assert len(exchange._lines) <= 4
    assert not any(name == b"etag" for name, _ in exchange._lines)


async def test_several_may_wait_for_the_client_to_leave():
    heard = []

    async def app(scope, receive, send):
        await receive()

        async def wait():
            heard.append((await receive())["type"])

        await asyncio.gather(wait(), wait())

    protocol, _, state = connected(HTTPProtocol, app)
    protocol.data_received(GET)
    await asyncio.sleep(0)
    protocol.connection_lost(None)
    await settle(state)
    assert heard == ["http.disconnect", "http.disconnect"]


async def test_an_idle_connection_is_closed_after_its_time():
    protocol, transport, state = connected(HTTPProtocol, APPLICATIONS["whole"], timeout_keep_alive=0.5)
    for _ in range(4):
        protocol.data_received(GET)
        await settle(state)
        await asyncio.sleep(0.15)
        assert not transport.closed
    await until(lambda: transport.closed)


async def test_a_slow_answer_is_not_an_idle_connection():
    async def app(scope, receive, send):
        await ready.wait()
        await APPLICATIONS["whole"](scope, receive, send)

    ready = asyncio.Event()
    protocol, transport, state = connected(HTTPProtocol, app, timeout_keep_alive=0.5)
    for _ in range(2):
        protocol.data_received(GET)
        await asyncio.sleep(0.6)
        assert not transport.closed
        ready.set()
        await asyncio.wait(state.tasks)
        assert not transport.closed
        ready.clear()
    assert transport.sent.count(b"HTTP/1.1 200") == 2


async def test_beyond_the_limit_requests_are_refused():
    app = APPLICATIONS["whole"]
    transports = []
    for kind in (HttpToolsProtocol, HTTPProtocol):
        protocol, transport, state = connected(kind, app, limit_concurrency=1)
        protocol.data_received(GET)
        await settle(state)
        transports.append(transport)
    assert transports[1].sent == transports[0].sent
    assert transports[1].sent.startswith(b"HTTP/1.1 503")


async def test_a_body_that_nobody_reads_stops_its_sender():
    release = asyncio.Event()

    async def app(scope, receive, send):
        await release.wait()
        total = 0
        while True:
            message = await receive()
            total += len(message["body"])
            if not message["more_body"]:
                break
        await send(start((b"content-length", b"%d" % len(str(total)))))
        await send(body(str(total).encode()))

    protocol, transport, state = connected(HTTPProtocol, app)
    protocol.data_received(POST.replace(b"10", b"150000"))
    for _ in range(3):
        protocol.data_received(b"x" * 50_000)
    assert not transport.is_reading
    release.set()
    await settle(state)
    assert transport.is_reading
    assert transport.sent.endswith(b"150000")


@pytest.mark.parametrize(
    "target", [b"/", b"/a?b=c", b"/a?b?c=%20", b"//double/x?y", b"/a;b=1/c", b"/%2F?", b"/a#frag?x", b"http://h/p?q"]
)
def test_a_target_is_split_as_the_parser_would(target):
    parsed = httptools.parse_url(target)
    assert split_target(target) == (parsed.path, parsed.query or b"")
