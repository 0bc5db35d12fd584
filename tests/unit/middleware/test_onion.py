"""The onion: three kinds of middleware in one list, in Django's order."""

import asyncio
import time

import pytest
from starlette.middleware.gzip import GZipMiddleware

from covet.app import Covet
from covet.exceptions import ImproperlyConfigured, MiddlewareNotUsed, PermissionDenied
from covet.http import HttpResponse, PlainText, StreamingResponse
from covet.middleware import BaseMiddleware
from covet.portal import wait
from covet.routing import Router
from covet.testing import TestClient
from tests.pace import cost

log = []


@pytest.fixture(autouse=True)
def _empty_log():
    log.clear()


class Hooks(BaseMiddleware):
    async def process_request(self, request):
        log.append("hooks in")

    async def process_response(self, request, response):
        log.append("hooks out")
        response.headers["X-Hooks"] = "1"
        return response


class SyncHooks(BaseMiddleware):
    def __init__(self):
        self.made = True

    def process_request(self, request):
        log.append("sync in")

    def process_response(self, request, response):
        log.append("sync out")
        response["X-Sync"] = "1"
        return response


class OnlyResponse(BaseMiddleware):
    async def process_response(self, request, response):
        log.append("only out")
        return response


class OnlyRequest(BaseMiddleware):
    async def process_request(self, request):
        log.append("only in")


class DjangoStyle:
    def __init__(self, get_response):
        self.get_response = get_response

    async def __call__(self, request):
        log.append("django in")
        response = await self.get_response(request)
        log.append("django out")
        response["X-Django"] = "1"
        return response


class DjangoSync:
    """The guide's middleware as it stands in a Django project."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        log.append("django sync in")
        response = self.get_response(request)
        response["X-Request-Duration"] = "0.1"
        log.append("django sync out")
        return response


def factory(get_response):
    async def middleware(request):
        log.append("factory in")
        response = await get_response(request)
        log.append("factory out")
        return response

    return middleware


class PureASGI:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        log.append(f"asgi in {scope['type']}")

        async def sending(message):
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-asgi", b"1")]
            await send(message)

        await self.app(scope, receive, sending)
        log.append("asgi out")


class Short(BaseMiddleware):
    async def process_request(self, request):
        log.append("short")
        return PlainText("short", 202)


class Timing(BaseMiddleware):
    async def process_request(self, request):
        request.state.start_time = time.time()

    async def process_response(self, request, response):
        response.headers["X-Request-Duration"] = str(time.time() - request.state.start_time)
        return response


def make(*middleware, debug=False):
    app = Covet(Router(), middleware=list(middleware), debug=debug)

    @app.get("/")
    async def index(request):
        log.append("handler")
        return "hello"

    @app.get("/fail/")
    async def fail(request):
        raise PermissionDenied("no")

    @app.get("/crash/")
    async def crash(request):
        raise ZeroDivisionError

    @app.get("/stream/")
    async def stream(request):
        async def pieces():
            for number in range(3):
                await asyncio.sleep(0)
                yield f"{number}" * 1000

        return StreamingResponse(pieces(), media_type="text/plain")

    return app


async def get(app, path="/", **kwargs):
    async with TestClient(app, raise_server_exceptions=False) as client:
        return await client.get(path, **kwargs)


async def test_order_is_djangos():
    """Promise 85."""
    response = await get(make(Hooks, DjangoStyle, SyncHooks, factory, PureASGI))
    assert log == [
        "hooks in",
        "django in",
        "sync in",
        "factory in",
        "asgi in http",
        "handler",
        "asgi out",
        "factory out",
        "sync out",
        "django out",
        "hooks out",
    ]
    assert {"x-hooks", "x-django", "x-sync", "x-asgi"} <= set(response.headers)
    assert response.text == "hello"


@pytest.mark.parametrize("dotted", ["tests_onion_sample.Hooks"])
async def test_dotted_paths_in_the_setting(dotted, settings, monkeypatch):
    """Promise 85."""
    import sys
    import types

    module = types.ModuleType("tests_onion_sample")
    module.Hooks = Hooks
    monkeypatch.setitem(sys.modules, "tests_onion_sample", module)
    settings.MIDDLEWARE = [dotted, "covet.middleware.security.SecurityHeadersMiddleware"]
    app = Covet(Router())
    app.get("/", lambda request: "x")
    response = await get(app)
    assert response.headers["x-hooks"] == "1"
    assert response.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize(
    ("layer", "expected"),
    [(OnlyRequest, ["only in", "handler"]), (OnlyResponse, ["handler", "only out"]), (BaseMiddleware, ["handler"])],
)
async def test_either_hook_may_be_left_out(layer, expected):
    """Promise 84."""
    assert (await get(make(layer))).text == "hello"
    assert log == expected


async def test_the_guides_timing_middleware():
    """Promises 84, 86."""
    response = await get(make(Timing))
    assert float(response.headers["X-Request-Duration"]) >= 0


async def test_response_hooks_run_only_where_request_hooks_ran():
    response = await get(make(Hooks, Short, Timing))
    assert (response.status_code, response.text) == (202, "short")
    assert log == ["hooks in", "short", "hooks out"]


async def test_sync_django_middleware_waits_in_the_portal():
    response = await get(make(DjangoSync, Hooks))
    assert response.headers["x-request-duration"] == "0.1"
    assert log == ["django sync in", "hooks in", "handler", "hooks out", "django sync out"]


async def test_layers_around_see_an_exceptions_response():
    response = await get(make(Hooks), "/fail/")
    assert response.status_code == 403
    assert log == ["hooks in", "hooks out"]


@pytest.mark.parametrize("hook", ["process_request", "process_response"])
async def test_a_failing_layer_becomes_a_response_for_those_around(hook):
    async def fails(self, request, response=None):
        raise PermissionDenied("layer")

    broken = type("Broken", (BaseMiddleware,), {hook: fails})
    response = await get(make(Hooks, broken))
    assert (response.status_code, response.json()) == (403, {"error": "layer"})
    assert "hooks out" in log


async def test_process_exception_runs_innermost_first_and_may_answer():
    class Outer(BaseMiddleware):
        async def process_exception(self, request, exception):
            log.append("outer")
            return PlainText("saved", 418)

    class Inner(BaseMiddleware):
        def process_exception(self, request, exception):
            log.append(f"inner {type(exception).__name__}")

    response = await get(make(Outer, Inner), "/crash/")
    assert (response.status_code, response.text) == (418, "saved")
    assert log == ["inner ZeroDivisionError", "outer"]


async def test_process_view_may_answer():
    class Views:
        def __init__(self, get_response):
            self.get_response = get_response

        async def __call__(self, request):
            return await self.get_response(request)

        async def process_view(self, request, view, args, kwargs):
            log.append(view.__name__)
            return HttpResponse("viewed")

    assert (await get(make(Views))).text == "viewed"
    assert log == ["index"]


async def test_a_layer_may_take_itself_out():
    class Unused:
        def __init__(self, get_response):
            raise MiddlewareNotUsed

        async def __call__(self, request): ...

    assert (await get(make(Unused, Hooks))).text == "hello"


async def test_response_hooks_must_return_a_response():
    class Forgetful(BaseMiddleware):
        async def process_response(self, request, response):
            pass

    app = make(Forgetful)
    async with TestClient(app) as client:
        with pytest.raises(ImproperlyConfigured, match="process_response returned None; it must return a response"):
            await client.get("/")


async def test_hooks_may_return_what_handlers_may():
    class Answers(BaseMiddleware):
        async def process_request(self, request):
            return {"from": "middleware"}

    assert (await get(make(Answers))).json() == {"from": "middleware"}


@pytest.mark.parametrize("position", ["outer", "middle"])
@pytest.mark.parametrize("path", ["/", "/stream/"])
async def test_pure_asgi_middleware_works_anywhere_streams_included(position, path):
    layers = [(GZipMiddleware, {"minimum_size": 1})]
    app = make(*(layers if position == "outer" else [Hooks, *layers, DjangoStyle]))
    response = await get(app, path, headers={"accept-encoding": "gzip"})
    assert response.headers["content-encoding"] == "gzip"
    assert response.text == ("hello" if path == "/" else "0" * 1000 + "1" * 1000 + "2" * 1000)


async def test_asgi_middleware_in_the_middle_does_not_buffer_streams():
    app = make(Hooks, PureASGI)
    going = asyncio.Event()

    @app.get("/live/")
    async def live(request):
        async def pieces():
            yield "first"
            await going.wait()
            yield "second"

        return StreamingResponse(pieces())

    async with TestClient(app) as client, client.stream("GET", "/live/") as response:
        pieces = response.aiter_text()
        assert await anext(pieces) == "first"
        going.set()
        assert await anext(pieces) == "second"


async def test_middleware_runs_in_the_portal():
    async def later():
        await asyncio.sleep(0)
        return "waited"

    class Waits(BaseMiddleware):
        async def process_request(self, request):
            log.append(wait(later()))

    await get(make(Waits))
    assert log == ["waited", "handler"]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            "covet.middleware.cors.CorsMiddleware",
            r"cors has no 'CorsMiddleware'; it has: CORSMiddleware",
        ),
        ("covet.nothing.Layer", "there is no module 'covet.nothing'"),
        (object(), "expected a subclass of BaseMiddleware"),
        ((Hooks, {"unknown": 1}), "cannot be created"),
    ],
)
async def test_mistakes_in_the_list_say_what_was_expected(entry, message):
    with pytest.raises(ImproperlyConfigured, match=message):
        make(entry).prepare()


def test_a_layer_costs_little():
    """One layer adds about half a microsecond; the bound leaves room for slow machines."""

    class Nothing(BaseMiddleware):
        async def process_response(self, request, response):
            return response

    from covet.middleware.loading import load
    from covet.middleware.onion import Onion

    answer = PlainText("x")

    async def endpoint(request):
        return answer

    async def convert(request, error):
        raise error

    def cost_of(layers):
        handle = Onion(load([Nothing] * layers), endpoint, convert).handle

        async def many():
            for _ in range(2_000):
                await handle(None)

        return cost(lambda: asyncio.run(many())) / 2_000

    assert (cost_of(20) - cost_of(0)) / 20 < 3e-6
