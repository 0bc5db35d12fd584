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

from tests.faults.conftest import within
from tests.services import free_port

ROOT = Path(__file__).resolve().parents[2]

APPLICATION = """
import asyncio, sys, time
import uvicorn
from covet.app import Covet
from covet.conf import settings
from covet.database.connections.registry import connections

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

uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning",
            timeout_graceful_shutdown=None if grace == "bare" else 1)
"""


def get(port, path, timeout=5.0):
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
    process = subprocess.Popen(
        [sys.executable, str(script), url, str(port), grace], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    try:
        deadline = time.monotonic() + 20
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
