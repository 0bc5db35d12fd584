"""Static files: served safely, named by content, collected."""

import gzip
import json
import os
import time

import pytest

from covet.app import Covet
from covet.exceptions import ImproperlyConfigured
from covet.routing import Router
from covet.static import StaticFiles, collect, find, forget_manifest, static
from covet.static.manifest import hashed_name, rewrite
from covet.testing import TestClient


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "static"
    (root / "css").mkdir(parents=True)
    (root / "css" / "site.css").write_text("body { color: red }")
    (root / "plain.txt").write_text("0123456789")
    (root / ".env").write_text("SECRET=1")
    (root / "empty.txt").write_text("")
    (tmp_path / "secret.txt").write_text("secret")
    os.symlink(tmp_path / "secret.txt", root / "link.txt")
    os.symlink(root / "plain.txt", root / "inside.txt")
    return root


def application(folder, **options):
    app = Covet(Router(), middleware=[])
    app.mount("/static", StaticFiles(directory=folder, **options))
    return app


@pytest.fixture
async def client(folder):
    async with TestClient(application(folder)) as client:
        yield client


async def test_files_are_served_from_a_mount(client):
    """Promise 95."""
    response = await client.get("/static/css/site.css")
    assert (response.status_code, response.text) == (200, "body { color: red }")
    assert response.headers["content-type"] == "text/css; charset=utf-8"
    assert response.headers["content-length"] == "19"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert (await client.get("/static/empty.txt")).content == b""


async def test_head_and_other_verbs(client):
    response = await client.head("/static/plain.txt")
    assert (response.status_code, response.content, response.headers["content-length"]) == (200, b"", "10")
    assert (await client.post("/static/plain.txt")).status_code == 405


@pytest.mark.parametrize(
    ("header", "status", "content"),
    [
        ("bytes=0-3", 206, b"0123"),
        ("bytes=5-", 206, b"56789"),
        ("bytes=-2", 206, b"89"),
        ("bytes=0-99", 206, b"0123456789"),
        ("bytes=20-30", 416, None),
        ("bytes=5-2", 200, b"0123456789"),
        ("bytes=a-b", 200, b"0123456789"),
        ("bytes=", 200, b"0123456789"),
        ("items=0-1", 200, b"0123456789"),
        ("bytes=" + "9" * 5000 + "-", 200, b"0123456789"),
        ("bytes=" + "0-1," * 1000, 200, b"0123456789"),
    ],
)
async def test_ranges(client, header, status, content):
    response = await client.get("/static/plain.txt", headers={"range": header})
    assert response.status_code == status
    if content is not None:
        assert response.content == content


async def test_copies_that_are_still_good_are_not_sent(client):
    response = await client.get("/static/plain.txt")
    etag, modified = response.headers["etag"], response.headers["last-modified"]
    for headers in ({"if-none-match": etag}, {"if-none-match": f'"x", W/{etag}'}, {"if-modified-since": modified}):
        again = await client.get("/static/plain.txt", headers=headers)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == etag
        assert "content-type" not in again.headers
    for headers in ({"if-none-match": '"x"', "if-modified-since": modified}, {"if-modified-since": "nonsense"}):
        assert (await client.get("/static/plain.txt", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/static/../secret.txt",
        "/static/..%2fsecret.txt",
        "/static/%2e%2e/secret.txt",
        "/static/%2e%2e%2fsecret.txt",
        "/static/css/..%2f..%2fsecret.txt",
        "/static/..%5csecret.txt",
        "/static//etc/passwd",
        "/static/%2fetc/passwd",
        "/static/plain.txt%00",
        "/static/plain.txt%00.css",
        "/static/link.txt",
        "/static/.env",
        "/static/css/%2e%2e/.env",
        "/static/plain.txt/",
        "/static/plain.txt/x",
        "/static/css",
        "/static/css/",
        "/static/",
        "/static",
        "/static/" + "a" * 3000,
        "/static/" + "a/" * 500,
        "/static/%ff%fe",
        "/static/%0d%0aX: y",
        "/static/c:/x",
        "/static/~root",
    ],
)
async def test_paths_that_climb_hide_or_lead_out_are_404(client, path):
    response = await client.get(f"http://testserver{path}", follow_redirects=True)
    if path.endswith("plain.txt/"):
        assert response.status_code in {200, 404}
    else:
        assert response.status_code == 404
    assert "secret" not in response.text.lower().replace("secret.txt", "")


async def test_links_inside_the_folder_work(client):
    assert (await client.get("/static/inside.txt")).text == "0123456789"


async def test_links_outside_can_be_allowed(folder):
    async with TestClient(application(folder, follow_symlinks=True)) as client:
        assert (await client.get("/static/link.txt")).text == "secret"


async def test_compressed_copies(folder):
    (folder / "app.js").write_text("x" * 1000)
    (folder / "app.js.gz").write_bytes(gzip.compress(b"x" * 1000))
    async with TestClient(application(folder)) as client:
        packed = await client.get("/static/app.js", headers={"accept-encoding": "gzip, br"})
        assert (packed.headers["content-encoding"], packed.text) == ("gzip", "x" * 1000)
        assert packed.headers["content-type"] == "text/javascript; charset=utf-8"
        assert packed.headers["vary"] == "Accept-Encoding"
        plain = await client.get("/static/app.js", headers={"accept-encoding": "gzip;q=0"})
        assert "content-encoding" not in plain.headers
        assert plain.headers["vary"] == "Accept-Encoding"
        assert plain.headers["etag"] != packed.headers["etag"]


async def test_an_old_compressed_copy_is_not_used(folder):
    (folder / "app.js.gz").write_bytes(gzip.compress(b"old"))
    past = time.time() - 100
    os.utime(folder / "app.js.gz", (past, past))
    (folder / "app.js").write_text("new")
    async with TestClient(application(folder)) as client:
        response = await client.get("/static/app.js", headers={"accept-encoding": "gzip"})
        assert response.text == "new"


async def test_a_missing_folder_is_a_404_and_a_warning(tmp_path, caplog):
    async with TestClient(application(tmp_path / "nothing")) as client:
        assert (await client.get("/static/x.css")).status_code == 404
        assert (await client.get("/static/x.css")).status_code == 404
    assert sum("does not exist; every file below it is a 404" in record.message for record in caplog.records) == 1


async def test_index_pages(folder):
    (folder / "css" / "index.html").write_text("<h1>index")
    (folder / "404.html").write_text("<h1>lost")
    async with TestClient(application(folder, html=True)) as client:
        assert (await client.get("/static/css/")).text == "<h1>index"
        assert (await client.get("/static/css")).headers["location"] == "/static/css/"
        response = await client.get("/static/nothing")
        assert (response.status_code, response.text) == (404, "<h1>lost")


@pytest.fixture
def project(tmp_path, settings):
    source = tmp_path / "source"
    (source / "css").mkdir(parents=True)
    (source / "img").mkdir()
    (source / "img" / "logo.svg").write_text("<svg>" + "x" * 2000 + "</svg>")
    (source / "css" / "site.css").write_text(
        "@import 'base.css';\n.a{background:url(../img/logo.svg#x)}b{background:url(no.png)}" + " " * 1000
    )
    (source / "css" / "base.css").write_text("body{}")
    (source / "app.js").write_text("go()\n//# sourceMappingURL=app.js.map\n")
    (source / "app.js.map").write_text("{}")
    (source / ".hidden").write_text("x")
    settings.STATICFILES_DIRS = [source, ("vendor", source / "css")]
    settings.STATIC_ROOT = tmp_path / "collected"
    forget_manifest()
    return tmp_path


def test_collecting_copies_hashes_and_compresses(project):
    """Promise 95."""
    result = collect()
    root = project / "collected"
    assert sorted(result.copied) == [
        "app.js",
        "app.js.map",
        "css/base.css",
        "css/site.css",
        "img/logo.svg",
        "vendor/base.css",
        "vendor/site.css",
    ]
    manifest = json.loads((root / "staticfiles.json").read_text())["paths"]
    assert manifest["img/logo.svg"].startswith("img/logo.")
    styles = (root / manifest["css/site.css"]).read_text()
    assert manifest["img/logo.svg"].removeprefix("img/") + "#x" in styles
    assert manifest["css/base.css"].removeprefix("css/") in styles
    assert manifest["app.js.map"] in (root / manifest["app.js"]).read_text()
    assert gzip.decompress((root / "img/logo.svg.gz").read_bytes()).startswith(b"<svg>")
    assert "css/site.css: css/no.png" in result.missing
    assert not (root / ".hidden").exists()


def test_collecting_again_changes_nothing(project):
    collect()
    again = collect()
    assert again.copied == []
    assert len(again.unchanged) == 7
    assert again.compressed == []


def test_collecting_can_clear_and_can_look_only(project):
    root = project / "collected"
    assert collect(dry_run=True).copied
    assert not root.exists()
    root.mkdir()
    (root / "old.txt").write_text("x")
    collect(clear=True)
    assert not (root / "old.txt").exists()


def test_collecting_needs_a_folder(settings):
    settings.STATIC_ROOT = None
    with pytest.raises(ImproperlyConfigured, match="collectstatic needs STATIC_ROOT"):
        collect()


async def test_hashed_names_may_be_kept_for_a_year(project, settings):
    """Promise 95."""
    collect()
    forget_manifest()
    settings.DEBUG = False
    url = static("css/site.css")
    assert url.startswith("/static/css/site.")
    assert url != "/static/css/site.css"
    async with TestClient(application(settings.STATIC_ROOT)) as client:
        assert (await client.get(url)).headers["cache-control"] == "public, max-age=31536000, immutable"
        assert (await client.get("/static/css/site.css")).headers["cache-control"] == "public, max-age=0"
    settings.DEBUG = True
    assert static("css/site.css") == "/static/css/site.css"


async def test_without_a_folder_the_projects_files_are_served(project):
    assert find("img/logo.svg") is not None
    assert find("vendor/base.css") is not None
    assert find("../secret.txt") is None
    async with TestClient(application(None)) as client:
        assert (await client.get("/static/vendor/base.css")).text == "body{}"
        assert (await client.get("/static/nothing.css")).status_code == 404


def test_urls(settings):
    """Promise 95."""
    settings.DEBUG = True
    settings.STATIC_URL = "https://cdn.example.com/s/"
    assert static("a b/ü.css?v=1") == "https://cdn.example.com/s/a%20b/%C3%BC.css?v=1"
    settings.STATIC_URL = "/s/"
    assert static("/sprite.svg#icon") == "/s/sprite.svg#icon"


def test_references_elsewhere_stay():
    text = "a{b:url(https://x.y/z.png)} c{d:url('data:image/png;base64,x')} e{f:url(/abs.png)} g{h:url(#id)}"
    assert rewrite("css/a.css", text, {"css/z.png": "css/z.1.png"}) == text


def test_names_change_with_the_content():
    assert hashed_name("css/site.css", b"a") != hashed_name("css/site.css", b"b")
    assert hashed_name("LICENSE", b"a").startswith("LICENSE.")


async def test_serving_alone_as_an_asgi_application(folder):
    async with TestClient(StaticFiles(folder), lifespan=False) as client:
        assert (await client.get("/plain.txt")).text == "0123456789"
        assert (await client.get("/nothing")).status_code == 404
