"""Routes: declared as calls and decorators, matched in declared order, reversed by name."""

import sys
import types
import uuid

import pytest

from covet.app import Covet
from covet.exceptions import ImproperlyConfigured, NoReverseMatch, Resolver404
from covet.routing import Router, register_converter, resolve, reverse, reverse_lazy, url_for
from covet.routing.converters import CONVERTERS
from covet.routing.router import join
from covet.testing import TestClient
from tests.pace import cost, cpu_time_within


def found(router, path, method="GET"):
    match = router.match(path, method)
    if match is None:
        return None
    return (match.route.handler, match.params) if match.route else sorted(match.allowed)


def handlers(*names):
    return [type(name, (), {"get": lambda self, request: None}) for name in names]


async def view(request):
    return "view"


async def other(request):
    return "other"


@pytest.mark.parametrize("verb", ["get", "post", "put", "patch", "delete", "head", "options"])
def test_verbs_as_calls_and_decorators(verb):
    """Promise 81."""
    router = Router()
    getattr(router, verb)("/call/", view)
    assert getattr(router, verb)("/decorated/")(other) is other
    assert found(router, "/call/", verb.upper()) == (view, {})
    assert found(router, "/decorated/", verb.upper()) == (other, {})


def test_route_takes_every_verb_or_those_named():
    router = Router()
    router.route("/all/", view)
    router.route("/two/", other, methods=["get", "POST"])
    assert found(router, "/all/", "DELETE") == (view, {})
    assert found(router, "/two/", "POST") == (other, {})
    assert found(router, "/two/", "PUT") == ["GET", "HEAD", "OPTIONS", "POST"]


@pytest.mark.parametrize(
    ("pattern", "path", "params"),
    [
        ("/posts/{pk:int}/", "/posts/12/", {"pk": 12}),
        ("/posts/{slug:str}/", "/posts/hello-wörld/", {"slug": "hello-wörld"}),
        ("/posts/{slug:slug}/", "/posts/hello-1_b/", {"slug": "hello-1_b"}),
        ("/posts/{slug}/", "/posts/a b/", {"slug": "a b"}),
        ("/x/{id:uuid}", f"/x/{uuid.UUID(int=5)}", {"id": uuid.UUID(int=5)}),
        ("/f/{rest:path}", "/f/a/b.txt", {"rest": "a/b.txt"}),
        ("/p/{price:float}/", "/p/1.50/", {"price": 1.5}),
        ("/posts/{year:int}/{month:int}/", "/posts/2026/07/", {"year": 2026, "month": 7}),
        ("/v{major:int}.{minor:int}/", "/v1.2/", {"major": 1, "minor": 2}),
        ("/posts/<int:pk>/<slug>/", "/posts/3/a/", {"pk": 3, "slug": "a"}),
    ],
)
def test_path_parameters_are_typed_keyword_arguments(pattern, path, params):
    """Promise 81."""
    router = Router()
    router.get(pattern, view)
    assert found(router, path) == (view, params)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("/posts/{pk:int}/", "/posts/-1/"),
        ("/posts/{pk:int}/", "/posts/\u0661/"),
        ("/posts/{pk:int}/", "/posts/" + "9" * 5000 + "/"),
        ("/posts/{slug:slug}/", "/posts/a.b/"),
        ("/posts/{slug}/", "/posts/a/b/"),
        ("/posts/{slug}/", "/posts/a/\n"),
        ("/x/{id:uuid}/", "/x/not-a-uuid/"),
        ("/p/{price:float}/", "/p/" + "9" * 400 + "/"),
        ("/p/{price:float}/", "/p/nan/"),
        ("/f/{rest:path}/x", "/f/" + "a/" * 5000),
        ("/static/", "/static/\n"),
    ],
)
def test_paths_that_do_not_match(pattern, path):
    router = Router()
    router.get(pattern, view)
    assert found(router, path) is None


def test_the_first_declared_route_wins_static_or_not():
    router = Router()
    router.get("/posts/{slug}/", view)
    router.get("/posts/new/", other)
    assert found(router, "/posts/new/") == (view, {"slug": "new"})
    router = Router()
    router.get("/posts/new/", other)
    router.get("/posts/{slug}/", view)
    assert found(router, "/posts/new/") == (other, {})
    assert found(router, "/posts/x/") == (view, {"slug": "x"})


def test_a_refused_conversion_leaves_the_path_to_later_routes():
    router = Router()
    router.get("/{price:float}/", view)
    router.get("/{slug}/", other)
    assert found(router, "/" + "9" * 400 + "/") == (other, {"slug": "9" * 400})


def test_verbs_of_different_patterns_come_together():
    router = Router()
    router.get("/x/{id}/", view)
    router.post("/x/{name}/", other)
    assert found(router, "/x/1/", "POST") == (other, {"name": "1"})
    assert found(router, "/x/1/", "PUT") == ["GET", "HEAD", "OPTIONS", "POST"]


def test_include_puts_slashes_right():
    """Promise 82."""
    for prefix in ("/api", "api", "api/", "/api/"):
        api = Router()
        api.get("/users/", view)
        api.get("posts/{pk:int}/", other)
        router = Router()
        router.include(prefix, api)
        assert found(router, "/api/users/") == (view, {})
        assert found(router, "/api/posts/3/") == (other, {"pk": 3})


@pytest.mark.parametrize(
    ("prefix", "path", "joined"),
    [
        ("/api", "/", "/api/"),
        ("/api", "", "/api"),
        ("api/", "", "/api/"),
        ("", "x", "/x"),
        ("", "", "/"),
        ("/a/", "/b", "/a/b"),
    ],
)
def test_joined_paths(prefix, path, joined):
    assert join(prefix, path) == joined


def test_routes_added_after_the_inclusion_count():
    api = Router()
    router = Router()
    router.include("/api", api)
    assert found(router, "/api/late/") is None
    api.get("/late/", view)
    assert found(router, "/api/late/") == (view, {})


def test_include_takes_parameters_names_and_dotted_strings():
    """Promise 82."""
    module = types.ModuleType("routing_sample")
    module.router = Router(namespace="blog")
    module.router.get("/{pk:int}/", view, name="detail")
    module.api_router = Router()
    sys.modules["routing_sample"] = module
    try:
        router = Router()
        router.include("/sites/{site:slug}/blog/", "routing_sample", namespace="v1")
        router.include("/api", "routing_sample.api_router")
        router.include("/more", "routing_sample:api_router")
        assert found(router, "/sites/main/blog/4/") == (view, {"site": "main", "pk": 4})
        assert router.reverse("v1:blog:detail", site="main", pk=4) == "/sites/main/blog/4/"
        with pytest.raises(ImproperlyConfigured, match="has no router 'nothing'; its routers are: api_router, router"):
            router.include("/x", "routing_sample.nothing")
    finally:
        del sys.modules["routing_sample"]


def test_routers_cannot_include_each_other():
    a, b = Router(), Router()
    a.include("/b", b)
    with pytest.raises(ImproperlyConfigured, match="cannot be included"):
        b.include("/a", a)


def test_mounted_applications_get_everything_below():
    """Promise 82."""

    async def application(scope, receive, send):
        raise AssertionError

    router = Router()
    router.get("/static/own/", view)
    router.mount("/static", application)
    assert found(router, "/static/own/") == (view, {})
    assert found(router, "/static/css/site.css") == (application, {"path": "/css/site.css"})
    assert found(router, "/static") == (application, {"path": ""})
    assert found(router, "/staticfiles/x") is None


def test_reverse():
    router = Router()
    router.get("/", view, name="home")
    router.get("/posts/{year:int}/{slug:slug}/", view, name="post")
    router.get("/posts/{year:int}/", other, name="post")
    router.get("/f/{rest:path}", view, name="file")
    assert router.reverse("home") == "/"
    assert router.reverse("post", year=2026, slug="a-b") == "/posts/2026/a-b/"
    assert router.reverse("post", 2026, "a-b") == "/posts/2026/a-b/"
    assert router.reverse("post", 2026) == "/posts/2026/"
    assert router.reverse(other, year=1) == "/posts/1/"
    assert router.reverse("file", rest="a b/ü?#.txt") == "/f/a%20b/%C3%BC%3F%23.txt"


def test_reverse_never_makes_a_path_of_another_host():
    router = Router()
    router.get("/{rest:path}", view, name="file")
    assert router.reverse("file", rest="/evil.com") == "/%2Fevil.com"


def test_reverse_says_what_there_is():
    router = Router()
    router.get("/posts/{pk:int}/", view, name="post-detail")
    with pytest.raises(NoReverseMatch, match=r"pattern name\. The nearest names are: post-detail"):
        router.reverse("post-detial")
    with pytest.raises(NoReverseMatch, match=r"1 pattern\(s\) tried: \['/posts/\{pk:int\}/'\]"):
        router.reverse("post-detail", pk="x")
    with pytest.raises(NoReverseMatch, match="with no arguments not found"):
        router.reverse("post-detail")
    with pytest.raises(NoReverseMatch):
        router.reverse("post-detail", 1, pk=1)


def test_the_applications_router_answers_reverse():
    app = Covet(Router(), middleware=[])
    app.get("/posts/{pk:int}/", view, name="post-detail")
    assert reverse("post-detail", kwargs={"pk": 3}) == "/posts/3/"
    assert reverse("post-detail", args=[3], query={"a": [1, 2]}, fragment="x") == "/posts/3/?a=1&a=2#x"
    assert url_for("post-detail", pk=3) == "/posts/3/"
    assert str(reverse_lazy("post-detail", pk=3)) == "/posts/3/"
    match = resolve("/posts/3/")
    assert (match.func, match.kwargs, match.view_name) == (view, {"pk": 3}, "post-detail")
    with pytest.raises(Resolver404):
        resolve("/nothing/")


def test_custom_converters():
    class Year:
        regex = "[0-9]{4}"

        def to_python(self, value):
            return int(value)

        def to_url(self, value):
            return f"{value:04d}"

    register_converter(Year, "yyyy")
    try:
        router = Router()
        router.get("/{year:yyyy}/", view, name="year")
        assert found(router, "/0099/") == (view, {"year": 99})
        assert router.reverse("year", year=99) == "/0099/"
    finally:
        del CONVERTERS["yyyy"]


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda r: r.get("/{pk:integer}/", view), r"names the converter 'integer'; choose one of: int, float"),
        (lambda r: r.get("/{a}/{a}/", view), r"uses the parameter 'a' twice"),
        (lambda r: r.get("/{1x}/", view), r"a name is a Python identifier"),
        (lambda r: r.get("/{a/", view), r"stray '\{'"),
        (lambda r: r.get("/x/", 5), r"expected an async function"),
        (lambda r: r.route("/x/", view, methods=["FETCH"]), r"names the method 'FETCH'; choose from: "),
        (lambda r: r.get("/x/", "os.nothing_like_this"), r"os has no 'nothing_like_this'; it has: "),
        (lambda r: r.mount("/x", 5), r"takes an ASGI application"),
        (lambda r: r.include("/x", 5), r"takes a Router or the dotted path of one"),
        (lambda r: r.get("/x/", type("Empty", (), {})), r"answers no verb"),
    ],
)
def test_mistakes_say_what_was_expected(declare, message):
    with pytest.raises(ImproperlyConfigured, match=message):
        declare(Router())


def test_thousands_of_routes_cost_no_more_than_one():
    few, many = Router(), Router()
    few.get("/only/{pk:int}/", view)
    for number in range(3_000):
        many.get(f"/static{number}/", view)
        many.get(f"/things{number}/{{pk:int}}/", view)
    many.get("/only/{pk:int}/", view)

    assert match_cost(many, "/static2999/") < 10e-6
    assert match_cost(many, "/things2999/7/") < 20e-6
    assert match_cost(many, "/only/7/") < 5 * match_cost(few, "/only/7/") + 5e-6


def match_cost(router, path):
    def matches():
        for _ in range(500):
            router.match(path, "GET")

    router.match(path, "GET")
    return cost(matches) / 500


def test_thousands_of_routes_behind_a_parameter_share_their_beginnings():
    router = Router()
    for number in range(2_000):
        router.get(f"/{{tenant}}/things{number}/{{pk:int}}/", view, name=f"t{number}")
    assert found(router, "/acme/things1999/7/") == (view, {"tenant": "acme", "pk": 7})
    assert match_cost(router, "/acme/things1999/7/") < 60e-6


def test_long_paths_of_slashes_are_cheap():
    router = Router()
    router.get("/{a:path}/x/{b:path}/y/{c:path}", view)
    router.get("/deep/er/and/deeper/{a}/", view)
    with cpu_time_within(0.1):
        assert found(router, "/" * 60_000) is None
        assert found(router, "/x" * 2_000) is None


async def test_class_handlers_answer_by_verb():
    class Posts:
        async def get(self, request, pk):
            return {"pk": pk, "again": self.kwargs["pk"]}

        async def post(self, request, pk):
            return {"made": pk}, 201

    app = Covet(Router(), middleware=[])
    app.route("/posts/{pk:int}/", Posts)
    async with TestClient(app) as client:
        assert (await client.get("/posts/3/")).json() == {"pk": 3, "again": 3}
        assert (await client.post("/posts/3/")).status_code == 201
        assert (await client.head("/posts/3/")).status_code == 200
        refused = await client.put("/posts/3/")
        assert refused.status_code == 405
        assert refused.headers["allow"] == "GET, HEAD, OPTIONS, POST"


async def test_append_slash_redirects_and_keeps_the_method():
    app = Covet(Router(), middleware=[])
    app.route("/posts/{pk:int}/", view)
    async with TestClient(app) as client:
        response = await client.get("/posts/3?a=1")
        assert (response.status_code, response.headers["location"]) == (301, "/posts/3/?a=1")
        assert (await client.post("/posts/3")).status_code == 308
        assert (await client.get("/nothing")).status_code == 404


async def test_append_slash_never_leads_to_another_host():
    app = Covet(Router(), middleware=[])
    app.get("/{rest:path}/", view)
    async with TestClient(app) as client:
        response = await client.get("http://testserver//evil.com/x")
        assert response.headers["location"] == "/%2Fevil.com/x/"


async def test_append_slash_can_be_turned_off(settings):
    settings.APPEND_SLASH = False
    app = Covet(Router(), middleware=[])
    app.get("/posts/", view)
    async with TestClient(app) as client:
        assert (await client.get("/posts")).status_code == 404


async def test_405_names_the_verbs_and_options_too():
    app = Covet(Router(), middleware=[])
    app.get("/x/", view)
    app.delete("/x/", view)
    async with TestClient(app) as client:
        response = await client.post("/x/")
        assert (response.status_code, response.headers["allow"]) == (405, "DELETE, GET, HEAD, OPTIONS")
        response = await client.options("/x/")
        assert (response.status_code, response.headers["allow"]) == (200, "DELETE, GET, HEAD, OPTIONS")
        response = await client.head("/x/")
        assert (response.status_code, response.content, response.headers["content-length"]) == (200, b"", "4")
