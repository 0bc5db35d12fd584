"""The application: what handlers may return, how it starts and stops, disconnects, sync handlers."""

import asyncio
import dataclasses
import gc
import time
from contextlib import asynccontextmanager

import pydantic
import pytest

from covet.app import Covet
from covet.app.lifespan import COLLECTOR, Lifespan
from covet.exceptions import ClientDisconnect, ImproperlyConfigured
from covet.http import (
    FileResponse,
    JSONResponse,
    StreamingResponse,
    current_request,
    get_list_or_404,
    get_object_or_404,
    redirect,
)
from covet.http.context import request_var
from covet.portal import in_portal, wait
from covet.routing import Router
from covet.testing import TestClient


class Field:
    def __init__(self, attname):
        self.attname = attname


class Book:
    """What a model is to the web floor: `_meta`, columns, and awaiting it gives itself."""

    class _meta:
        concrete_fields = [Field("id"), Field("title")]
        object_name = "Book"

    def __init__(self, **values):
        self.__dict__.update(values)

    def __await__(self):
        yield from ()
        return self


class Rows:
    """An un-awaited QuerySet."""

    def __await__(self):
        yield from ()
        return [Book(id=1, title="a")]


class Schema(pydantic.BaseModel):
    name: str


@dataclasses.dataclass
class Point:
    x: int


RETURNED = {
    "model": (lambda: Book(id=1, title="Emma"), 200, {"id": 1, "title": "Emma"}),
    "query": (Rows, 200, [{"id": 1, "title": "a"}]),
    "list of models": (lambda: [Book(id=1, title="x")], 200, [{"id": 1, "title": "x"}]),
    "dict": (lambda: {"a": 1}, 200, {"a": 1}),
    "list": (lambda: [1], 200, [1]),
    "pydantic": (lambda: Schema(name="x"), 200, {"name": "x"}),
    "dataclass": (lambda: Point(1), 200, {"x": 1}),
    "status": (lambda: ({"a": 1}, 201), 201, {"a": 1}),
    "model and status": (lambda: (Book(id=1, title="x"), 201), 201, {"id": 1, "title": "x"}),
    "headers": (lambda: ({"a": 1}, 201, {"X-A": "1"}), 201, {"a": 1}),
    "response": (lambda: JSONResponse({"a": 1}, 202), 202, {"a": 1}),
    "set": (lambda: {1}, 200, [1]),
}


def application(handler, path="/", **options):
    app = Covet(Router(), middleware=[], **options)
    app.route(path, handler)
    return app


@pytest.mark.parametrize(("make", "status", "body"), RETURNED.values(), ids=RETURNED)
async def test_handlers_return_what_they_like(make, status, body):
    """Promise 83."""

    async def handler(request):
        return make()

    async with TestClient(application(handler)) as client:
        response = await client.get("/")
    assert (response.status_code, response.json()) == (status, body)
    assert response.headers["content-type"] == "application/json"


async def test_strings_are_pages_and_bytes_are_bytes():
    async with TestClient(application(lambda request: "<p>hi")) as client:
        assert (await client.get("/")).headers["content-type"] == "text/html; charset=utf-8"
    async with TestClient(application(lambda request: b"hi")) as client:
        assert (await client.get("/")).headers["content-type"] == "application/octet-stream"
    async with TestClient(application(lambda request: (None, 204))) as client:
        response = await client.delete("/")
        assert (response.status_code, response.content) == (204, b"")


@pytest.mark.parametrize("value", [None, 5, object()])
async def test_other_returns_name_handler_and_choices(value):
    async def my_view(request):
        return value

    async with TestClient(application(my_view)) as client:
        with pytest.raises(TypeError, match=r"my_view.*expected a Response, a model, a dict"):
            await client.get("/")


async def test_sync_handlers_run_in_the_portal():
    async def later():
        await asyncio.sleep(0)
        return "waited"

    def handler(request):
        assert in_portal()
        return {"value": wait(later())}

    async with TestClient(application(handler)) as client:
        assert (await client.get("/")).json() == {"value": "waited"}


async def test_the_current_request_is_known_while_it_runs():
    async def handler(request, pk):
        assert current_request() is request
        assert request.resolver_match.kwargs == {"pk": 3}
        assert request.path_params == {"pk": 3}
        children = await asyncio.gather(*(asyncio.to_thread(request_var.get) for _ in range(2)))
        return {"same": all(child is request for child in children)}

    async with TestClient(application(handler, "/{pk:int}/")) as client:
        assert (await client.get("/3/")).json() == {"same": True}
    assert current_request() is None


async def test_json_bodies_are_read_before_the_handler():
    async def handler(request):
        assert "_body" in vars(request)
        return request.json({"a": request.json["a"]})

    async with TestClient(application(handler)) as client:
        assert (await client.post("/", json={"a": 1})).json() == {"a": 1}


async def test_lifespan_opens_in_order_and_closes_in_reverse():
    log = []

    @asynccontextmanager
    async def lifespan(app):
        log.append("open")
        yield {"pool": 7}
        log.append("close")

    app = application(lambda request: {"pool": request.app.state["pool"]}, lifespan=lifespan)

    @app.on_startup
    async def started():
        log.append("started")

    @app.on_shutdown
    def stopping():
        log.append("stopping")

    async with TestClient(app) as client:
        assert (await client.get("/")).json() == {"pool": 7}
        assert log == ["open", "started"]
    assert log == ["open", "started", "stopping", "close"]


async def test_a_failing_start_is_raised_and_closes_what_was_open():
    log = []

    @asynccontextmanager
    async def lifespan(app):
        try:
            yield
        finally:
            log.append("closed")

    app = application(lambda request: "x", lifespan=lifespan)

    @app.on_startup
    async def fails():
        raise ImproperlyConfigured("no database")

    with pytest.raises(ImproperlyConfigured, match="no database"):
        async with TestClient(app):
            pass
    assert log == ["closed"]


async def test_a_server_without_lifespan_works():
    async with TestClient(application(lambda request: "x"), lifespan=False) as client:
        assert (await client.get("/")).text == "x"


async def test_serving_is_refused_with_a_default_key(settings):
    settings.SECRET_KEY = "changeme"
    app = application(lambda request: "x")
    sent = []

    async def receive():
        return {"type": "lifespan.startup"}

    async def send(message):
        sent.append(message)

    await app({"type": "lifespan"}, receive, send)
    assert sent[0]["type"] == "lifespan.startup.failed"
    assert "SECRET_KEY is empty or a default" in sent[0]["message"]


async def run(app, pieces, path="/", method="POST", content_type=b"application/json"):
    """A request whose body is `pieces`, then a disconnect."""
    messages, queue = [], list(pieces)

    async def receive():
        if queue:
            return {"type": "http.request", "body": queue.pop(0), "more_body": True}
        return {"type": "http.disconnect"}

    async def send(message):
        messages.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"testserver"), (b"content-type", content_type)],
        "covet.allowed_hosts": ["testserver"],
        "asgi": {"spec_version": "2.3"},
    }
    await app(scope, receive, send)
    return messages


async def test_a_client_that_leaves_mid_body_is_no_error(caplog):
    app = application(lambda request: request.json["a"])
    assert await run(app, [b'{"a":']) == []
    assert not [record for record in caplog.records if record.levelname in {"ERROR", "WARNING"}]


async def test_the_disconnect_is_typed_for_handlers():
    seen = []

    async def handler(request):
        try:
            await request.read()
        except ClientDisconnect as error:
            seen.append(error)
            raise

    assert await run(application(handler), [b"x"], content_type=b"text/plain") == []
    assert seen


async def test_a_stream_ends_when_its_client_leaves():
    closed = []

    async def handler(request):
        async def forever():
            try:
                while True:
                    yield b"x"
                    await asyncio.sleep(0.001)
            finally:
                closed.append(True)

        return StreamingResponse(forever())

    async with asyncio.timeout(30):
        messages = await run(application(handler), [], method="GET")
    assert closed == [True]
    assert messages[0]["status"] == 200


async def test_a_stream_that_fails_before_its_start_is_answered():
    async with TestClient(
        application(lambda request: FileResponse("/nowhere/x")), raise_server_exceptions=False
    ) as client:
        assert (await client.get("/")).status_code == 500


async def test_sync_iterators_stream_from_a_thread():
    def pieces():
        for number in range(3):
            time.sleep(0.001)
            yield str(number)

    async with TestClient(application(lambda request: StreamingResponse(pieces()))) as client:
        assert (await client.get("/")).text == "012"


async def test_mounted_applications_see_their_prefix():
    async def inner(scope, receive, send):
        body = f"{scope['root_path']}|{scope['path']}".encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    app = Covet(Router(), middleware=["covet.middleware.security.SecurityHeadersMiddleware"])
    app.mount("/sub", inner)
    async with TestClient(app, root_path="/root") as client:
        response = await client.get("/sub/x")
    assert response.text == "/root/sub|/root/sub/x"
    assert response.headers["x-content-type-options"] == "nosniff"


async def test_a_covet_application_mounts_in_another():
    inner = Covet(Router(), middleware=[])
    inner.get("/x/", lambda request: {"path": request.path, "info": request.path_info}, name="x")
    outer = Covet(Router(), middleware=[])
    outer.mount("/in", inner)
    async with TestClient(outer) as client:
        assert (await client.get("/in/x/")).json() == {"path": "/in/x/", "info": "/x/"}
        assert (await client.get("/in/nothing/")).status_code == 404


async def test_the_root_router_comes_from_the_settings(settings):
    router = Router()
    router.get("/", lambda request: "from the settings")
    settings.ROOT_ROUTER = router
    async with TestClient(Covet(middleware=[])) as client:
        assert (await client.get("/")).text == "from the settings"


class Manager:
    def __init__(self, rows):
        self.rows = rows
        self.model = Book

    def all(self):
        return self

    def filter(self, **kwargs):
        async def found():
            return self.rows

        return found()

    async def get(self, **kwargs):
        from covet.exceptions import ObjectDoesNotExist

        if not self.rows:
            raise ObjectDoesNotExist
        return self.rows[0]


async def test_shortcuts():
    async def detail(request):
        return await get_object_or_404(Manager([]), pk=1)

    async def several(request):
        return await get_list_or_404(Manager([Book(id=1, title="x")]), pk=1)

    async def away(request):
        return redirect("detail", pk=5)

    app = Covet(Router(), middleware=[])
    app.get("/detail/", detail)
    app.get("/several/", several)
    app.get("/away/", away)
    app.get("/books/{pk:int}/", detail, name="detail")
    async with TestClient(app) as client:
        response = await client.get("/detail/")
        assert (response.status_code, response.json()) == (404, {"error": "No Book matches the given query."})
        assert (await client.get("/several/")).json() == [{"id": 1, "title": "x"}]
        response = await client.get("/away/")
        assert (response.status_code, response.headers["location"]) == (302, "/books/5/")
    assert redirect("/x/", permanent=True).status_code == 301
    with pytest.raises(ValueError, match="must be a Model, Manager, or QuerySet, not 'int'"):
        await get_object_or_404(5)


async def test_no_handler_of_the_test_application_stalls_the_loop():
    """Promise 1: ASGI 3, and no step of a request holds the loop for 20 ms."""

    async def handler(request):
        await asyncio.sleep(0)
        return {"items": list(range(100))}

    gaps = []

    async def watch():
        while True:
            started = time.thread_time()
            await asyncio.sleep(0)
            gaps.append(time.thread_time() - started)

    async with TestClient(application(handler)) as client:
        await client.get("/")
        watcher = asyncio.ensure_future(watch())
        for _ in range(200):
            await client.get("/")
        watcher.cancel()
    assert max(gaps) < 0.02


async def test_a_server_looks_for_cycles_more_rarely_unless_the_project_chose():
    before = gc.get_threshold()
    try:
        lifespan = Lifespan(application(lambda request: "x"))
        await lifespan.open(serving=True)
        await lifespan.close()
        assert gc.get_threshold()[0] == COLLECTOR[0]
        gc.set_threshold(500, 5, 5)
        await lifespan.open(serving=True)
        await lifespan.close()
        assert gc.get_threshold()[:2] == (500, 5)
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
