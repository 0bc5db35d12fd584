"""The middleware of the house: CORS, security headers, hosts, body limits, proxies."""

import re

import pytest

from covet.app import Covet
from covet.exceptions import ImproperlyConfigured
from covet.middleware import (
    BodyLimitMiddleware,
    CORSMiddleware,
    ProxyHeadersMiddleware,
    SecurityHeadersMiddleware,
    TrustedHostMiddleware,
)
from covet.routing import Router
from covet.testing import TestClient


def application(*middleware):
    app = Covet(Router(), middleware=list(middleware))

    @app.route("/")
    async def index(request):
        return {
            "client": request.scope["client"][0],
            "scheme": request.scope["scheme"],
            "nonce": getattr(request.state, "csp_nonce", None),
        }

    @app.post("/body/")
    async def body(request):
        size = 0
        async for piece in request.stream():
            size += len(piece)
        return {"size": size}

    return app


async def get(app, method="GET", path="/", base_url="http://testserver", **kwargs):
    client = kwargs.pop("client", ("127.0.0.1", 1))
    async with TestClient(app, base_url, client=client) as http:
        return await http.request(method, path, **kwargs)


ORIGIN = "https://app.example.com"
CORS = (CORSMiddleware, {"allow_origins": [ORIGIN], "allow_credentials": True, "expose_headers": ["X-Total"]})


async def test_cors_allows_listed_origins_exactly():
    response = await get(application(CORS), headers={"origin": ORIGIN})
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert response.headers["access-control-allow-credentials"] == "true"
    assert response.headers["access-control-expose-headers"] == "X-Total"
    assert response.headers["vary"] == "Origin"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evilapp.example.com",
        "https://app.example.com.evil.com",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://app.example.com/",
        "null",
        "",
        "*",
        "https://app.example.com, https://evil.com",
    ],
)
async def test_cors_says_nothing_to_others(origin):
    response = await get(application(CORS), headers={"origin": origin})
    assert response.status_code == 200
    assert not [name for name in response.headers if name.startswith("access-control")]


async def test_cors_regexes_match_whole_origins(settings):
    settings.CORS_ALLOWED_ORIGIN_REGEXES = [r"https://\w+\.example\.com"]
    app = application(CORSMiddleware)
    assert "access-control-allow-origin" in (await get(app, headers={"origin": "https://a.example.com"})).headers
    assert (
        "access-control-allow-origin" not in (await get(app, headers={"origin": "https://a.example.com.evil"})).headers
    )


def test_cors_refuses_every_origin_with_credentials_at_start():
    with pytest.raises(ImproperlyConfigured, match="together with credentials would let any site act as your users"):
        application((CORSMiddleware, {"allow_origins": ["*"], "allow_credentials": True})).prepare()


def test_cors_refuses_it_from_the_settings_too(settings):
    settings.CORS_ALLOW_ALL_ORIGINS = True
    settings.CORS_ALLOW_CREDENTIALS = True
    with pytest.raises(ImproperlyConfigured, match="CORS"):
        application(CORSMiddleware).prepare()


@pytest.mark.parametrize("origin", ["app.example.com", "https://a/b", "https://", ""])
def test_cors_refuses_what_is_no_origin(origin):
    with pytest.raises(ImproperlyConfigured, match="is no origin; write scheme and host"):
        application((CORSMiddleware, {"allow_origins": [origin]})).prepare()


async def test_cors_preflight():
    headers = {
        "origin": ORIGIN,
        "access-control-request-method": "PUT",
        "access-control-request-headers": "x-csrftoken",
    }
    response = await get(application(CORS), "OPTIONS", headers=headers)
    assert response.status_code == 200
    assert "PUT" in response.headers["access-control-allow-methods"]
    assert "x-csrftoken" in response.headers["access-control-allow-headers"]
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert response.headers["access-control-max-age"] == "86400"
    refused = await get(application(CORS), "OPTIONS", headers={**headers, "origin": "https://evil.com"})
    assert not [name for name in refused.headers if name.startswith("access-control")]


async def test_cors_for_everybody_without_credentials():
    response = await get(application((CORSMiddleware, {"allow_origins": ["*"]})), headers={"origin": "https://x.y"})
    assert response.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in response.headers


async def test_cors_headers_are_on_errors_too():
    response = await get(application(CORS), path="/nothing/", headers={"origin": ORIGIN})
    assert response.status_code == 404
    assert response.headers["access-control-allow-origin"] == ORIGIN


async def test_security_headers_with_a_fresh_nonce():
    app = application(SecurityHeadersMiddleware)
    first, second = await get(app), await get(app)
    for response in (first, second):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["x-frame-options"] == "DENY"
        assert response.headers["referrer-policy"] == "same-origin"
        assert response.headers["cross-origin-opener-policy"] == "same-origin"
        assert f"'nonce-{response.json()['nonce']}'" in response.headers["content-security-policy"]
        assert "unsafe-inline" not in response.headers["content-security-policy"]
    assert first.json()["nonce"] != second.json()["nonce"]
    assert len(first.json()["nonce"]) >= 20


async def test_hsts_goes_over_https_alone(settings):
    settings.SECURE_HSTS_SECONDS = 60
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    app = application(SecurityHeadersMiddleware)
    assert "strict-transport-security" not in (await get(app)).headers
    response = await get(app, base_url="https://testserver")
    assert response.headers["strict-transport-security"] == "max-age=60; includeSubDomains"


async def test_the_policy_comes_from_the_settings(settings):
    settings.SECURE_CSP = {"default-src": ["'self'"], "script-src": ["<nonce>"], "upgrade-insecure-requests": True}
    policy = (await get(application(SecurityHeadersMiddleware))).headers["content-security-policy"]
    assert re.fullmatch(r"default-src 'self'; script-src 'nonce-[\w-]+'; upgrade-insecure-requests", policy)


def test_a_policy_that_would_split_is_refused():
    with pytest.raises(ImproperlyConfigured, match="must be a list of sources"):
        application((SecurityHeadersMiddleware, {"policy": {"script-src": ["'self'; object-src *"]}})).prepare()


async def test_https_redirect(settings):
    settings.SECURE_SSL_REDIRECT = True
    response = await get(application(SecurityHeadersMiddleware), path="/a?b=1")
    assert (response.status_code, response.headers["location"]) == (301, "https://testserver/a?b=1")


async def test_security_headers_are_on_errors_too():
    response = await get(application(SecurityHeadersMiddleware), path="/nothing/")
    assert (response.status_code, response.headers["x-frame-options"]) == (404, "DENY")


async def test_trusted_hosts_have_a_list_of_their_own():
    app = application((TrustedHostMiddleware, {"allowed": ["other.com"]}))
    assert (await get(app)).status_code == 400


@pytest.mark.parametrize("announced", [True, False])
async def test_the_body_limit_counts_what_arrives(announced):
    async def pieces():
        for _ in range(20):
            yield b"x" * 100

    app = application((BodyLimitMiddleware, {"max_body_size": 1_000}))
    content = b"x" * 2_000 if announced else pieces()
    assert (await get(app, "POST", "/body/", content=content)).status_code == 413
    assert (await get(app, "POST", "/body/", content=b"x" * 900)).json() == {"size": 900}


PROXY = (ProxyHeadersMiddleware, {"trusted": ["10.0.0.0/8"]})


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.0.0.1", "1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2", "1.2.3.4"),
        ("9.9.9.9", "1.2.3.4", "9.9.9.9"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "1.2.3.4, nonsense", "10.0.0.1"),
        ("10.0.0.1", "1.2.3.4:5555", "1.2.3.4"),
        ("10.0.0.1", "[2001:db8::1]:5555", "2001:db8::1"),
        ("10.0.0.1", "", "10.0.0.1"),
    ],
)
async def test_forwarded_addresses_count_from_trusted_peers_alone(peer, forwarded, client):
    headers = {"x-forwarded-for": forwarded, "x-forwarded-proto": "https"}
    response = await get(application(PROXY), client=(peer, 1), headers=headers)
    assert response.json()["client"] == client
    assert response.json()["scheme"] == ("https" if peer.startswith("10.") else "http")


def test_a_trusted_proxy_must_be_an_address():
    with pytest.raises(ImproperlyConfigured, match="is no address or network"):
        application((ProxyHeadersMiddleware, {"trusted": ["proxy"]})).prepare()
