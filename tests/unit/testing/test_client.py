"""The test client: awaited verbs, lifespan, cookies, redirects, streams, WebSockets."""

import asyncio

import pytest

from covet.app import Covet
from covet.http import PlainText, StreamingResponse, redirect
from covet.routing import Router
from covet.testing import TestClient, WebSocketDisconnect, WebSocketRefused
from covet.websocket import WebSocket, broadcast


@pytest.fixture
def app():
    app = Covet(Router(), middleware=[])
    app.log = []
    app.on_startup(lambda: app.log.append("start"))
    app.on_shutdown(lambda: app.log.append("stop"))

    @app.route("/echo/")
    async def echo(request):
        return {
            "method": request.method,
            "query": dict(request.query_params),
            "form": dict(await request.form()),
            "type": request.content_type,
        }

    @app.post("/login/")
    async def login(request):
        response = PlainText("welcome")
        response.set_cookie("session", request.json["username"])
        return response

    @app.get("/who/")
    async def who(request):
        return {"who": request.COOKIES.get("session")}

    @app.get("/away/")
    async def away(request):
        return redirect("/who/")

    @app.get("/late/")
    async def late(request):
        async def pieces():
            yield b"one"
            raise RuntimeError("while streaming")

        return StreamingResponse(pieces())

    @app.websocket("/ws/{room:slug}/")
    async def ws(websocket: WebSocket, room: str):
        if room == "closed":
            return
        await websocket.accept(subprotocol=websocket.scope["subprotocols"][0] if room == "sub" else None)
        if room == "crash":
            raise RuntimeError("in the socket")
        if room == "json":
            await websocket.send_json({"got": await websocket.receive_json()})
            return
        async for message in websocket.messages():
            await websocket.send_text(f"{room}: {message}")

    return app


@pytest.mark.parametrize("verb", ["get", "post", "put", "patch", "delete", "head", "options"])
async def test_verbs_are_awaited(app, verb):
    """Promise 96."""
    async with TestClient(app) as client:
        response = await getattr(client, verb)("/echo/?a=1")
        assert response.status_code == 200
        if verb != "head":
            assert response.json()["method"] == verb.upper()
            assert response.json()["query"] == {"a": "1"}


async def test_the_guides_client_starts_by_itself(app):
    """Promise 96."""
    client = TestClient(app)
    response = await client.post("/login/", json={"username": "alice", "password": "password123"})
    assert response.status_code == 200
    assert app.log == ["start"]
    await client.aclose()
    assert app.log == ["start", "stop"]


async def test_cookies_stay(app):
    async with TestClient(app) as client:
        assert (await client.get("/who/")).json() == {"who": None}
        await client.post("/login/", json={"username": "ada"})
        assert (await client.get("/who/")).json() == {"who": "ada"}


async def test_redirects_are_followed_when_asked(app):
    async with TestClient(app) as client:
        assert (await client.get("/away/")).status_code == 302
        assert (await client.get("/away/", follow_redirects=True)).json() == {"who": None}
    async with TestClient(app, follow_redirects=True) as client:
        assert (await client.get("/away/")).status_code == 200


async def test_data_may_stand_second_as_in_django(app):
    async with TestClient(app) as client:
        assert (await client.post("/echo/", {"a": "1"})).json()["form"] == {"a": "1"}
        assert (await client.put("/echo/", b"x")).json()["method"] == "PUT"


async def test_an_error_while_streaming_is_raised(app):
    async with TestClient(app) as client:
        with pytest.raises(RuntimeError, match="while streaming"):
            await client.get("/late/")


async def test_an_application_without_lifespan():
    async def application(scope, receive, send):
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x"})

    async with TestClient(application) as client:
        assert (await client.get("/")).text == "x"


async def test_requests_overlap(app):
    barrier = asyncio.Barrier(2)

    @app.get("/meet/")
    async def meet(request):
        async with asyncio.timeout(30):
            await barrier.wait()
        return "met"

    async with TestClient(app) as client:
        first, second = await asyncio.gather(client.get("/meet/"), client.get("/meet/"))
        assert first.text == second.text == "met"


async def test_websockets(app):
    """Promise 103."""
    async with TestClient(app) as client:
        async with client.websocket_connect("/ws/lobby/") as ws:
            await ws.send_text("hi")
            assert await ws.receive_text() == "lobby: hi"
        async with client.websocket_connect("/ws/json/") as ws:
            await ws.send_json({"a": 1})
            assert await ws.receive_json() == {"got": {"a": 1}}
            with pytest.raises(WebSocketDisconnect):
                await ws.receive_text()
        async with client.websocket_connect("/ws/sub/", ["v2", "v1"]) as ws:
            assert ws.accepted_subprotocol == "v2"


@pytest.mark.parametrize("path", ["/ws/closed/", "/ws/not a slug/", "/nothing/"])
async def test_websockets_that_are_not_accepted(app, path):
    async with TestClient(app) as client:
        with pytest.raises(WebSocketRefused):
            async with client.websocket_connect(path):
                pass


async def test_a_failing_websocket_is_raised(app):
    async with TestClient(app) as client:
        with pytest.raises(RuntimeError, match="in the socket"):
            async with client.websocket_connect("/ws/crash/") as ws:
                await ws.receive()


async def test_a_websocket_closes_with_1011_when_its_handler_fails(app):
    async with TestClient(app, raise_server_exceptions=False) as client, client.websocket_connect("/ws/crash/") as ws:
        assert (await ws.receive())["code"] == 1011


async def test_text_that_is_no_json_closes_with_1003(app):
    async with TestClient(app) as client, client.websocket_connect("/ws/json/") as ws:
        await ws.send_text("{")
        assert (await ws.receive())["code"] == 1003


@pytest.mark.parametrize(
    "origin", ["https://evil.com", "null", "http://testserver.evil.com", "file://", "http://[::1", "javascript:x"]
)
async def test_websockets_of_other_sites_are_refused(app, origin):
    async with TestClient(app) as client:
        with pytest.raises(WebSocketRefused):
            async with client.websocket_connect("/ws/lobby/", headers={"origin": origin}):
                pass


@pytest.mark.parametrize("origin", ["http://testserver", "https://testserver"])
async def test_websockets_of_this_site_are_welcome(app, origin):
    async with TestClient(app) as client, client.websocket_connect("/ws/lobby/", headers={"origin": origin}) as ws:
        await ws.send_text("x")
        assert await ws.receive_text() == "lobby: x"


async def test_websockets_for_other_hosts_are_refused(app):
    async with TestClient(app) as client:
        with pytest.raises(WebSocketRefused):
            async with client.websocket_connect("/ws/lobby/", headers={"host": "evil.com"}):
                pass


async def test_broadcast_encodes_once_and_skips_who_is_gone(monkeypatch):
    from covet.websocket import connection

    encoded = []

    def counting(value):
        encoded.append(value)
        return b'{"a":1}'

    monkeypatch.setattr(connection, "dumps", counting)
    app = Covet(Router(), middleware=[])
    room, ready = [], asyncio.Event()

    @app.websocket("/")
    async def join(websocket):
        await websocket.accept()
        room.append(websocket)
        if len(room) == 3:
            ready.set()
        async for _ in websocket.messages():
            pass

    async with TestClient(app) as client:
        async with (
            client.websocket_connect("/") as one,
            client.websocket_connect("/") as two,
            client.websocket_connect("/") as three,
        ):
            await ready.wait()
            assert await broadcast(room, {"a": 1}) == 3
            for ws in (one, two, three):
                assert await ws.receive_text() == '{"a":1}'
        assert await broadcast(room, "gone") in {0, 3}
    assert encoded == [{"a": 1}]


async def test_a_slow_client_does_not_hold_up_a_broadcast():
    class Slow(WebSocket):
        async def send(self, message):
            if message["type"] == "websocket.send":
                await asyncio.sleep(60)
            closed.append(message)

    closed = []
    slow = Slow({"type": "websocket", "path": "/", "headers": []}, None, None)
    slow.application_state = slow.client_state = type(slow.application_state).CONNECTED
    assert await broadcast([slow], "x", timeout=0.01) == 0
    assert closed[0]["code"] == 1013
