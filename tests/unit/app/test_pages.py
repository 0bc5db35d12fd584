"""Error pages: details for developers with secrets masked, nothing for visitors."""

import pytest

from covet.app import Covet
from covet.app.masking import Masker, is_secret
from covet.routing import Router
from covet.testing import TestClient
from tests.pace import cpu_time_within

HTML = {"accept": "text/html,application/xhtml+xml,application/json;q=0.9"}


class Account:
    def __init__(self, password):
        self.password = password

    def __repr__(self):
        return f"Account(name='ada', password={self.password!r}, api_key='abcdef123')"


class Broken:
    def __repr__(self):
        raise RuntimeError("no repr")


def verify(given, stored):
    harmless = given + stored
    raise ValueError(f"wrong: {given} is not {stored} ({len(harmless)})")


app = Covet(Router(), middleware=[])


@app.post("/login/")
async def login(request):
    data = request.json
    account = Account(data["password"])
    broken = Broken()
    token = "tok-9f8e7d"
    headers = {"Authorization": "Bearer zzz111yyy", "nested": [{"secret_key": "deep-secret-5"}]}
    url = "postgresql://shop:pg-pass-77@db/shop"
    markup = "<script>alert(1)</script>"
    del broken, token, headers, url, markup
    broken = Broken()
    token = "tok-9f8e7d"
    headers = {"Authorization": "Bearer zzz111yyy", "nested": [{"secret_key": "deep-secret-5"}]}
    url = "postgresql://shop:pg-pass-77@db/shop"
    markup = "<script>alert(1)</script>"
    return verify(account.password, (token, headers, url, markup, broken)[0])


SECRETS = [
    "hunter2-secret",
    "tok-9f8e7d",
    "zzz111yyy",
    "deep-secret-5",
    "pg-pass-77",
    "abcdef123",
    "cookie-value-3",
    "django-key-4",
]


@pytest.fixture
async def page(settings):
    settings.DEBUG = True
    settings.SECRET_KEY = "django-key-4"
    async with TestClient(app, raise_server_exceptions=False) as client:
        response = await client.post(
            "/login/?token=query-token-8",
            json={"name": "Ada", "password": "hunter2-secret"},
            headers={**HTML, "cookie": "sessionid=cookie-value-3", "x-api-key": "abcdef123"},
        )
        assert response.status_code == 500
        return response.text


async def test_the_debug_page_shows_source_variables_and_request(page):
    assert "ValueError" in page
    assert "wrong: " in page
    assert "verify" in page
    assert "raise ValueError(f&quot;wrong:" in page
    assert "markup" in page
    assert "/login/" in page
    assert "RuntimeError" in page
    assert "Ada" in page


async def test_the_debug_page_masks_secrets_by_name_and_by_value(page):
    source = [line for line in page.split("<pre") if "</pre>" in line]
    assert source
    for secret in (*SECRETS, "query-token-8"):
        assert secret not in page, secret


async def test_the_debug_page_escapes_what_it_shows(page):
    assert "<script" not in page
    assert "&lt;script&gt;" in page


async def test_visitors_get_a_plain_page(settings):
    settings.DEBUG = False
    async with TestClient(app, raise_server_exceptions=False) as client:
        response = await client.post("/login/", json={"password": "hunter2-secret"}, headers=HTML)
    assert response.status_code == 500
    for word in ("hunter2", "ValueError", "Traceback", "verify", ".py"):
        assert word not in response.text


async def test_the_developers_404_lists_routes(settings):
    settings.DEBUG = True
    async with TestClient(app) as client:
        response = await client.get("/<b>nothing</b>/", headers=HTML)
    assert response.status_code == 404
    assert "/login/" in response.text
    assert "<b>nothing" not in response.text


async def test_a_projects_own_404_page(settings, tmp_path):
    (tmp_path / "404.html").write_text("<h1>Lost in {{ request.path }}</h1>")
    settings.TEMPLATES = {"backend": "jinja2", "dirs": [tmp_path]}
    async with TestClient(app) as client:
        response = await client.get("/<i>/", headers=HTML)
    assert response.text == "<h1>Lost in /&lt;i&gt;/</h1>"


async def test_a_broken_404_template_falls_back(settings, tmp_path):
    (tmp_path / "404.html").write_text("{% nonsense %}")
    settings.TEMPLATES = {"backend": "jinja2", "dirs": [tmp_path]}
    async with TestClient(app) as client:
        response = await client.get("/nothing/", headers=HTML)
    assert response.status_code == 404
    assert "There is no page at this address" in response.text


@pytest.mark.parametrize(
    "name", ["password", "API_KEY", "csrf_token", "HTTP_COOKIE", "dsn", "raw_password", "Authorization"]
)
def test_names_of_secrets(name):
    assert is_secret(name)


@pytest.mark.parametrize("name", ["author", "authors", "name", "key", "keys", "primary_key", "SESSION_COOKIE_NAME"])
def test_names_that_are_no_secrets(name):
    assert not is_secret(name)


def test_long_and_nested_values_are_cut():
    masker = Masker()
    assert len(masker.show("x", "a" * 10_000_000)) < 3_000
    assert len(masker.show("x", list(range(1_000_000)))) < 3_000
    deep = []
    for _ in range(1_000):
        deep = [deep]
    assert len(masker.show("x", deep)) < 3_000


async def test_the_style_sheet_passes_the_content_security_policy(settings):
    settings.DEBUG = True
    strict = Covet(app.router, middleware=["covet.middleware.security.SecurityHeadersMiddleware"])
    async with TestClient(strict, raise_server_exceptions=False) as client:
        for response in (
            await client.get("/nothing/", headers=HTML),
            await client.post("/login/", json={"password": "hunter2-secret"}, headers=HTML),
        ):
            policy = response.headers["content-security-policy"]
            nonce = policy.partition("'nonce-")[2].partition("'")[0]
            assert f'<style nonce="{nonce}">' in response.text
            assert " style=" not in response.text


def test_source_stays_readable():
    masker = Masker()
    assert masker.source("password = data['password']") == "password = data['password']"
    assert masker.source("login(password='hunter2', name='ada')") == "login(password='********', name='ada')"
    assert masker.source('API_KEY = "abc"') == "API_KEY = '********'"


@pytest.mark.parametrize(
    "text",
    [
        "password" * 10_000,
        "a=" * 50_000,
        "'" * 100_000,
        "key='" + "\\" * 100_000,
        "password='" * 10_000,
        "://" * 50_000,
        "a" * 50_000 + "://" + "b:" * 50_000,
        "-" * 100_000 + "=",
    ],
)
def test_masking_is_cheap_whatever_the_text(text):
    masker = Masker()
    with cpu_time_within(0.1):
        masker.text(text)
        masker.source(text)
        masker.show("x", text)
