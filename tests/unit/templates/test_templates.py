"""Templates: jinja2 and Django's engine, escaped, with routes and static files at hand."""

import pytest

from covet.app import Covet
from covet.exceptions import ImproperlyConfigured, TemplateDoesNotExist
from covet.routing import Router
from covet.templates import render, render_string, render_to_string
from covet.testing import TestClient


@pytest.fixture(params=["jinja2", "django"])
def backend(request):
    return request.param


@pytest.fixture
def folder(tmp_path, settings, backend):
    settings.TEMPLATES = {"backend": backend, "dirs": [tmp_path], "auto_escape": True}
    return tmp_path


def application(handler, **options):
    app = Covet(Router(), middleware=[], **options)
    app.get("/", handler, name="home")
    app.get("/posts/{pk:int}/", handler, name="post-detail")
    return app


async def page(handler, path="/", **options):
    async with TestClient(application(handler, **options)) as client:
        return await client.get(path)


async def test_render_takes_name_and_context(folder):
    """Promises 93, 94."""
    (folder / "index.html").write_text("<h1>{{ title }}</h1>")

    async def index(request):
        return await render("index.html", {"title": "Home"})

    response = await page(index)
    assert response.text == "<h1>Home</h1>"
    assert response.headers["content-type"] == "text/html; charset=utf-8"


async def test_render_takes_a_request_first_as_in_django(folder):
    """Promise 93."""
    (folder / "index.html").write_text("{{ request.path }} {{ a }}")

    async def index(request):
        return await render(request, "index.html", {"a": 1}, "text/plain", 201)

    response = await page(index)
    assert (response.status_code, response.text, response.headers["content-type"]) == (201, "/ 1", "text/plain")


async def test_the_current_request_is_in_the_context(folder):
    (folder / "index.html").write_text("{{ request.path }}|{{ user.is_authenticated }}")

    async def index(request):
        return await render("index.html")

    assert (await page(index)).text == "/|False"


@pytest.mark.parametrize(
    ("source", "escaped"),
    [
        ("<p>{{ value }}</p>", "&lt;script&gt;"),
        ('<a title="{{ value }}">', "&#34;"),
        ("<a title='{{ value }}'>", "&#39;"),
    ],
)
async def test_output_is_escaped(folder, backend, source, escaped):
    (folder / "index.html").write_text(source)
    (folder / "index.txt").write_text(source)
    text = await render_to_string("index.html", {"value": "<script>alert(1)</script>\"'"})
    assert "<script>" not in text
    assert escaped in text or (
        backend == "django" and escaped.replace("&#34;", "&quot;").replace("&#39;", "&#x27;") in text
    )
    assert "<script>" not in await render_to_string("index.txt", {"value": "<script>"})


async def test_scripts_get_data_as_json(tmp_path, settings):
    settings.TEMPLATES = {"backend": "jinja2", "dirs": [tmp_path]}
    (tmp_path / "a.html").write_text("<script>const data = {{ value|tojson }}</script>")
    text = await render_to_string("a.html", {"value": "</script><script>alert(1)//"})
    assert text.count("<script>") == 1
    assert text.count("</script>") == 1


async def test_routes_and_static_files(folder, backend):
    source = (
        "{{ url_for('post-detail', pk=3) }} {{ static('css/a b.css') }}"
        if backend == "jinja2"
        else '{% load static %}{% url "post-detail" pk=3 %} {% static "css/a b.css" %}'
    )
    (folder / "index.html").write_text(source)

    async def index(request):
        return await render("index.html")

    assert (await page(index)).text == "/posts/3/ /static/css/a%20b.css"


async def test_the_nonce_of_the_security_headers(folder):
    (folder / "index.html").write_text("{{ csp_nonce }}")

    async def index(request):
        return await render("index.html")

    app = Covet(Router(), middleware=["covet.middleware.security.SecurityHeadersMiddleware"])
    app.get("/", index)
    async with TestClient(app) as client:
        response = await client.get("/")
    assert response.text
    assert f"'nonce-{response.text}'" in response.headers["content-security-policy"]


async def test_calls_in_templates_are_awaited(folder, backend):
    class Posts:
        async def count(self):
            return 7

        def __await__(self):
            yield from ()
            return ["a", "b"]

        def all(self):
            async def rows():
                return ["a", "b"]

            return rows()

    call = "()" if backend == "jinja2" else ""
    (folder / "index.html").write_text(
        f"{{{{ posts.count{call} }}}}{{% for post in posts.all{call} %}}[{{{{ post }}}}]{{% endfor %}}"
    )
    assert await render_to_string("index.html", {"posts": Posts()}) == "7[a][b]"


async def test_a_missing_template_says_where_it_was_looked_for(folder):
    with pytest.raises(TemplateDoesNotExist, match=r"There is no template 'nothing\.html'; looked in: .*nothing\.html"):
        await render_to_string("nothing.html")


async def test_a_missing_parent_is_named(folder):
    (folder / "child.html").write_text('{% extends "parent.html" %}')
    with pytest.raises(TemplateDoesNotExist, match=r"no template 'parent\.html'"):
        await render_to_string("child.html")


async def test_the_first_template_that_exists_is_taken(folder):
    (folder / "second.html").write_text("second")
    assert await render_to_string(["first.html", "second.html"]) == "second"


@pytest.mark.parametrize("name", ["../secret.html", "/etc/passwd", "a/../../secret.html", "..\\secret.html", "a\x00b"])
async def test_names_that_leave_the_folder_find_nothing(folder, name):
    (folder.parent / "secret.html").write_text("secret")
    with pytest.raises((TemplateDoesNotExist, ValueError)):
        await render_to_string(name)


async def test_context_processors_run_sync_or_async(tmp_path, settings):
    async def later(request):
        return {"later": request.path}

    settings.TEMPLATES = {"backend": "jinja2", "dirs": [tmp_path], "context_processors": [later]}
    (tmp_path / "index.html").write_text("{{ later }}")

    async def index(request):
        return await render("index.html")

    assert (await page(index)).text == "/"


async def test_djangos_list_of_engines(tmp_path, settings):
    """Promise 94."""
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()
    (first / "django.html").write_text("{% if x %}{{ x|upper }}{% endif %}")
    (second / "jinja.html").write_text("{{ x|upper }}{{ 1 + 1 }}")
    settings.TEMPLATES = [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "DIRS": [str(first)],
            "APP_DIRS": True,
            "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
        },
        {"BACKEND": "django.template.backends.jinja2.Jinja2", "DIRS": [str(second)], "NAME": "second"},
    ]
    assert await render_to_string("django.html", {"x": "a"}) == "A"
    assert await render_to_string("jinja.html", {"x": "a"}) == "A2"
    assert await render_to_string("jinja.html", {"x": "a"}, using="second") == "A2"
    with pytest.raises(ImproperlyConfigured, match="no template engine 'third'; choose one of: "):
        await render_to_string("jinja.html", using="third")


async def test_djangos_tags(tmp_path, settings):
    settings.TEMPLATES = {"backend": "django", "dirs": [tmp_path]}
    (tmp_path / "a.html").write_text(
        '{% load i18n humanize %}{% url "nothing" as u %}[{{ u }}]{% csrf_token %}{{ n|intcomma }}{% translate "hi" %}'
    )
    application(lambda request: "x")
    assert await render_to_string("a.html", {"n": 1234}) == "[]1,234hi"
    assert "value=&quot;x&quot;" not in await render_to_string("a.html", {"n": 1, "csrf_token": '"x"'})


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"backend": "mako"}, "unknown backend 'mako'; choose one of: "),
        ({"dir": ["x"]}, "unknown key 'dir'; choose from: "),
        ([{"BACKEND": "jinja2"}, {"BACKEND": "jinja2"}], "two engines called 'jinja2'"),
        ({"context_processors": ["nothing.here"]}, "cannot be imported"),
    ],
)
async def test_mistakes_in_the_setting(settings, setting, message):
    settings.TEMPLATES = setting
    with pytest.raises(ImproperlyConfigured, match=message):
        await render_to_string("x.html")


async def test_escaping_can_be_turned_off(tmp_path, settings):
    """Promise 94."""
    settings.TEMPLATES = {"backend": "jinja2", "dirs": [tmp_path], "auto_escape": False}
    (tmp_path / "a.txt").write_text("{{ x }}")
    assert await render_to_string("a.txt", {"x": "<b>"}) == "<b>"


async def test_strings_as_templates(folder):
    assert await render_string("{{ x }}", {"x": "<b>"}) == "&lt;b&gt;"


async def test_templates_of_applications(tmp_path, settings, monkeypatch):
    package = tmp_path / "tpl_sample_app"
    (package / "templates").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "templates" / "of_app.html").write_text("app")
    monkeypatch.syspath_prepend(tmp_path)
    settings.INSTALLED_APPS = ["tpl_sample_app"]
    settings.TEMPLATES = {}
    assert await render_to_string("of_app.html") == "app"


def test_render_without_a_name_says_what_it_takes():
    with pytest.raises(TypeError, match="render\\(\\) takes a template name"):
        render().send(None)
