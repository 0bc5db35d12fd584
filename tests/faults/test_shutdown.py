"""Probes and shutdown: readiness goes first, in-flight requests finish, a hung one does not keep the process."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import websockets

from tests.faults.conftest import Stopwatch, observer, within
from tests.pace import is_late
from tests.services import free_port

ROOT = Path(__file__).resolve().parents[2]

APPLICATION = """
import asyncio, sys, time
import uvicorn
from covet.app import Covet
from covet.conf import settings
from covet.database.connections.registry import connections
from covet.database.transaction import transaction
from covet.http import StreamingResponse

url, port, grace = sys.argv[1], int(sys.argv[2]), sys.argv[3]
settings.configure(DEBUG=True, SECRET_KEY="x" * 50, MIDDLEWARE=[], DATABASES={"default": url}, SHUTDOWN_DELAY=0.5,
                   SHUTDOWN_GRACE=1.0, ALLOWED_HOSTS=["*"])
connections.configure({"default": url + "?pool_timeout=1" if url.startswith("postgres") else url})
app = Covet()

@app.get("/slow/")
async def slow(request):
    await asyncio.sleep(1)
    return {"slow": "done"}

@app.get("/hung/")
async def hung(request):
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass

@app.get("/stuck/")
async def stuck(request):
    time.sleep(3600)

@app.get("/row/")
async def row(request):
    return {"row": (await connections["default"].run("SELECT 1", ()))[0][0]}

@app.get("/stream/")
async def stream(request):
    async def numbers():
        try:
            for number in range(10_000):
                yield f"{number}\\n"
                await asyncio.sleep(0.05)
        finally:
            print("stream closed", flush=True)
    return StreamingResponse(numbers())

@app.websocket("/socket/")
async def socket(websocket):
    try:
        async for message in websocket.messages():
            await websocket.send_text(message)
    finally:
        print("socket closed", flush=True)

@app.post("/body/")
async def body(request):
    return {"bytes": len(await request.read())}

@app.get("/write/")
async def write(request):
    async with transaction():
        await connections["default"].execute("INSERT INTO visits VALUES (1)")
        await asyncio.sleep(0.5)
        await connections["default"].execute("INSERT INTO visits VALUES (2)")
    print("write done", flush=True)
    return {"written": 2}

uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning",
            timeout_graceful_shutdown=None if grace == "bare" else 1)
"""


def get(port, path, timeout=30.0):
    """Status and body."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=timeout) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        body = error.read()
        return error.code, json.loads(body) if body.startswith(b"{") else body


@contextlib.contextmanager
def serving(tmp_path, url, grace="bare"):
    script = tmp_path / "application.py"
    script.write_text(APPLICATION)
    port = free_port()
    log = (tmp_path / "server.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, str(script), url, str(port), grace],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError):
                if get(port, "/healthz/live")[0] == 200:
                    break
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield process, port
    finally:
        process.kill()
        process.wait()
        log.close()


def said(tmp_path):
    """What the server wrote so far."""
    return (tmp_path / "server.log").read_text()


async def until(claim, seconds=3.0):
    """Wait until `claim()` holds."""
    watch = Stopwatch()
    while not claim():
        assert not is_late(watch.seconds(), seconds)
        await asyncio.sleep(0.02)


async def in_thread(function, *args):
    return await asyncio.to_thread(function, *args)


@pytest.mark.postgresql
async def test_a_database_that_is_down_is_503_in_time_while_the_process_lives(cluster, tmp_path):
    """Database down: 503 within the acquire timeout; liveness 200, readiness 503; all is well after."""
    with serving(tmp_path, cluster.url) as (_, port):
        assert await in_thread(get, port, "/row/") == (200, {"row": 1})
        status, body = await in_thread(get, port, "/healthz/ready")
        assert (status, body["checks"]["database"]) == (200, "ok")
        await in_thread(cluster.stop)
        try:
            with within(2):
                assert (await in_thread(get, port, "/row/"))[0] == 503
            assert (await in_thread(get, port, "/healthz/live"))[0] == 200
            status, body = await in_thread(get, port, "/healthz/ready")
            assert (status, body["status"]) == (503, "unavailable")
            assert body["checks"]["database"] == "DatabaseUnavailable"
        finally:
            await in_thread(cluster.start)
        with within(2):
            while (await in_thread(get, port, "/row/"))[0] != 200:
                await asyncio.sleep(0.05)


async def test_readiness_goes_first_and_requests_in_flight_finish(tmp_path):
    """SIGTERM: readiness turns 503 while the listener is open, and the request in flight is answered."""
    with serving(tmp_path, "sqlite://") as (process, port):
        slow = asyncio.create_task(in_thread(get, port, "/slow/"))
        await asyncio.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.1)
        assert await in_thread(get, port, "/healthz/ready") == (503, {"status": "draining"})
        assert (await in_thread(get, port, "/healthz/live"))[0] == 200
        assert await slow == (200, {"slow": "done"})
        with within(3):
            assert await in_thread(process.wait) in (0, -signal.SIGTERM)


@pytest.mark.parametrize("grace", ["bare", "graceful"])
@pytest.mark.parametrize("path", ["/hung/", "/stuck/"])
async def test_a_hung_request_does_not_keep_the_process(tmp_path, path, grace):
    """SIGTERM with a hung request (deaf to cancellation, or blocking the loop): exits within the grace."""
    with serving(tmp_path, "sqlite://", grace) as (process, port):
        hung = asyncio.create_task(in_thread(get, port, path, 20))
        await asyncio.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        with within(0.5 + 1 + 1 + 1.5):
            await in_thread(process.wait)
        with contextlib.suppress(OSError, ConnectionError):
            await hung


@pytest.mark.parametrize("grace", ["bare", "graceful"])
async def test_a_stream_and_a_socket_do_not_keep_the_process(tmp_path, grace):
    """SIGTERM while a response streams and a WebSocket is open: readiness first, exit within the grace."""
    with serving(tmp_path, "sqlite://", grace) as (process, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /stream/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readuntil(b"3\n")
        async with websockets.connect(f"ws://127.0.0.1:{port}/socket/") as socket:
            await socket.send("hello")
            assert await socket.recv() == "hello"
            process.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.1)
            assert await in_thread(get, port, "/healthz/ready") == (503, {"status": "draining"})
            await socket.send("still there")
            assert await socket.recv() == "still there"
            with within(0.5 + 1 + 1 + 1.5):
                await in_thread(process.wait)
            with pytest.raises(websockets.ConnectionClosed):
                await socket.recv()
        writer.close()


async def test_a_client_that_leaves_is_not_an_error_of_ours(tmp_path):
    """Client leaves mid-body, mid-stream, mid-socket: no 500, nothing logged as one, what was open is closed."""
    with serving(tmp_path, "sqlite://") as (_, port):
        for request, wait_for in (
            (b"POST /body/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nhalf", None),
            (b"GET /stream/ HTTP/1.1\r\nHost: localhost\r\n\r\n", b"3\n"),
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            await (reader.readuntil(wait_for) if wait_for else asyncio.sleep(0.1))
            writer.transport.abort()
        socket = await websockets.connect(f"ws://127.0.0.1:{port}/socket/")
        await socket.send("hello")
        assert await socket.recv() == "hello"
        socket.transport.abort()
        await until(lambda: "stream closed" in said(tmp_path) and "socket closed" in said(tmp_path))
        assert (await in_thread(get, port, "/healthz/live"))[0] == 200
        for word in ("Traceback", "ERROR", " 500"):
            assert word not in said(tmp_path)


@pytest.mark.postgresql
async def test_a_handler_whose_client_left_finishes_its_transaction(database, tmp_path):
    """Client leaves mid-handler: the handler is not cancelled, its transaction commits whole."""
    onlooker = observer(database)
    await onlooker.execute("CREATE TABLE visits (n integer)")
    with serving(tmp_path, database) as (_, port):
        _reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /write/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await asyncio.sleep(0.25)
        writer.transport.abort()
        await until(lambda: "write done" in said(tmp_path))
        assert await onlooker.fetch_value("SELECT count(*) FROM visits") == 2
        assert "Traceback" not in said(tmp_path)
        idle = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
        assert await onlooker.fetch_value(idle) == 0
    await onlooker.close()


@pytest.mark.postgresql
async def test_a_restart_under_fifty_requests_is_503_or_200_and_over_soon(cluster, tmp_path):
    """Cluster restarted under 50 concurrent requests: 200 or 503, never a 500; all is well within 2 s."""
    with serving(tmp_path, cluster.url) as (_, port):
        statuses = []
        stop = False

        async def client():
            while not stop:
                statuses.append(await raw_get(port, "/row/"))

        clients = [asyncio.create_task(client()) for _ in range(50)]
        await asyncio.sleep(0.3)
        await in_thread(cluster.restart)
        with within(2):
            while (await raw_get(port, "/row/")) != 200:
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)
        healed = len(statuses)
        await asyncio.sleep(0.3)
        stop = True
        late = set(statuses[healed:])
        await asyncio.gather(*clients)
        assert late == {200}
        assert set(statuses) <= {200, 503}
        assert " 500" not in said(tmp_path)


async def raw_get(port, path):
    """The status alone, without a thread."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    try:
        answer = await reader.read()
        return int(answer.split(b" ", 2)[1])
    finally:
        writer.close()
