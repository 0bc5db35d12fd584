"""CPU time of the web floor's parts, in microseconds: `python -m benchmarks.web_floor`.

In process, without sockets: what a request costs the application on top of the server. Medians of interleaved runs.
"""

import asyncio
import statistics
import time

from covet.app import Covet
from covet.conf import settings
from covet.http import JSONResponse
from covet.middleware import BaseMiddleware, CORSMiddleware, SecurityHeadersMiddleware
from covet.routing import Router

REQUESTS = 3_000
ROUNDS = 7


def scope(method, path, *headers):
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"example.com"), (b"user-agent", b"bench"), (b"accept", b"*/*"), *headers],
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 5000),
        "state": {},
    }


async def receive():
    return {"type": "http.request", "body": b'{"a": 1}', "more_body": False}


async def send(message):
    pass


async def floor(scope, receive, send):
    """What no framework can go below: the two messages."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": b'{"id":1}'})


def routes():
    router = Router()

    async def static(request):
        return {"id": 1, "title": "hello", "tags": [1, 2, 3]}

    async def parameter(request, pk):
        return {"id": pk}

    async def echo(request):
        return request.json({"a": request.json["a"]})

    router.get("/static/", static)
    router.get("/items/{pk:int}/", parameter)
    router.post("/echo/", echo)
    return router


class Layer(BaseMiddleware):
    async def process_request(self, request):
        return None

    async def process_response(self, request, response):
        return response


async def cost(app, method, path, *headers):
    started = time.process_time()
    for _ in range(REQUESTS):
        await app(scope(method, path, *headers), receive, send)
    return (time.process_time() - started) / REQUESTS * 1e6


def calls(function, *args, number=20_000):
    started = time.process_time()
    for _ in range(number):
        function(*args)
    return (time.process_time() - started) / number * 1e6


def starlette():
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse as Plain
    from starlette.routing import Route

    async def static(request):
        return Plain({"id": 1, "title": "hello", "tags": [1, 2, 3]})

    return Starlette(routes=[Route("/static/", static)])


async def main():
    settings.configure(ALLOWED_HOSTS=["example.com"], SECRET_KEY="k" * 50)
    router = routes()
    bare = Covet(router, middleware=[])
    layered = Covet(router, middleware=[Layer] * 10)
    guarded = Covet(router, middleware=[CORSMiddleware, SecurityHeadersMiddleware])
    other = starlette()
    json = ((b"content-type", b"application/json"), (b"content-length", b"8"))
    cases = {
        "two messages alone": (floor, "GET", "/static/"),
        "static path, dict": (bare, "GET", "/static/"),
        "path parameter, dict": (bare, "GET", "/items/5/"),
        "JSON body and answer": (bare, "POST", "/echo/", *json),
        "ten middleware layers": (layered, "GET", "/static/"),
        "CORS and security headers": (guarded, "GET", "/static/"),
        "Starlette, same answer": (other, "GET", "/static/"),
    }
    for case in cases.values():
        await cost(*case)
    results = {name: [] for name in cases}
    for _ in range(ROUNDS):
        for name, case in cases.items():
            results[name].append(await cost(*case))
    for name, values in results.items():
        print(f"{name:28} {statistics.median(values):7.2f}")
    layer = statistics.median(results["ten middleware layers"]) - statistics.median(results["static path, dict"])
    print(f"{'one layer':28} {layer / 10:7.2f}")
    many = Router()
    for number in range(3_000):
        many.get(f"/static{number}/", floor)
        many.get(f"/things{number}/{{pk:int}}/", floor)
    for label, path in (("static", "/static2999/"), ("parameter", "/things2999/7/"), ("no such path", "/nothing/")):
        many.match(path, "GET")
        print(f"{f'route of 6,000: {label}':28} {min(calls(many.match, path, 'GET') for _ in range(ROUNDS)):7.2f}")
    print(f"{'JSONResponse':28} {min(calls(JSONResponse, {'id': 1, 'title': 'x'}) for _ in range(ROUNDS)):7.2f}")


if __name__ == "__main__":
    asyncio.run(main())
