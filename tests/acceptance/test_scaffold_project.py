"""A new user's path: startproject, migrate, serve, post, list, test; on each database."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 120


class Project:
    """A scaffolded project in a folder of its own, driven through its command line."""

    def __init__(self, folder: Path, database: str, url: str) -> None:
        self.folder = folder / "shop"
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("COVET_", "PYTEST_"))},
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'cli'}",
            "DATABASE_URL": url,
        }
        self.covet("startproject", "shop", "--database", database, cwd=folder)

    def run(self, *command: str, cwd: Path | None = None, fails: bool = False) -> str:
        result = subprocess.run(
            [sys.executable, *command], cwd=cwd or self.folder, env=self.environment, capture_output=True, text=True,
            timeout=120,
        )  # fmt: skip
        assert bool(result.returncode) is fails, f"{command}\n{result.stdout}\n{result.stderr}"
        return result.stdout + result.stderr

    def covet(self, *arguments: str, cwd: Path | None = None, fails: bool = False) -> str:
        return self.run("-m", "covet_cli", *arguments, cwd=cwd, fails=fails)

    @contextmanager
    def served(self, *options: str) -> Iterator[str]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        log = (self.folder / "server.log").open("wb")
        server = subprocess.Popen(
            [sys.executable, "-m", "covet_cli", "run", "--port", str(port), *options],
            cwd=self.folder, env=self.environment, stdout=log, stderr=log,
        )  # fmt: skip
        address = f"http://127.0.0.1:{port}"
        try:
            deadline = time.monotonic() + SECONDS
            while not listens(port):
                assert server.poll() is None, (self.folder / "server.log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield address
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(15)
            log.close()


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def request(address: str, data: object = None) -> tuple[int, str, dict[str, str]]:
    body = None if data is None else json.dumps(data).encode()
    message = urllib.request.Request(
        address, data=body, headers={"Content-Type": "application/json", "Accept": "text/html"}
    )
    try:
        with urllib.request.urlopen(message, timeout=60) as response:
            return response.status, response.read().decode(), dict(response.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(), dict(error.headers)


@pytest.fixture
def project(database_url, tmp_path) -> Project:
    return Project(tmp_path, database_url.partition(":")[0].partition("+")[0], database_url)


@pytest.fixture
def laptop(tmp_path) -> Project:
    """A project on SQLite."""
    made = Project(tmp_path, "sqlite", f"sqlite:///{tmp_path / 'db.sqlite3'}")
    made.covet("migration", "apply")
    return made


@pytest.mark.slow
def test_new_project_serves_stores_and_passes_its_tests(project):
    """Promise 18, 19, 20, 22, 23."""
    assert "0001_initial" in project.covet("migration", "apply")
    assert "[X]" in project.covet("migration", "list")
    with project.served() as address:
        status, text, headers = request(f"{address}/")
        assert status == 200
        assert "Shop" in text
        assert float(headers["x-request-duration"]) < 10
        assert request(f"{address}/posts/")[0] == 200
        status, text, _ = request(f"{address}/api/posts/", {"title": "Hello", "body": "World", "author": "Ada"})
        assert status == 201, text
        listed = json.loads(request(f"{address}/api/posts/")[1])
        assert [(post["title"], post["author"]) for post in listed] == [("Hello", "Ada")]
        assert "Hello" in request(f"{address}/posts/")[1]
        assert request(f"{address}/posts/{listed[0]['id']}/")[0] == 200
        assert request(f"{address}/posts/4711/")[0] == 404
        assert request(f"{address}/nowhere/")[0] == 404
        assert request(f"{address}/static/css/site.css")[0] == 200
    passed = project.run("-m", "pytest", "-q", "-p", "covet.testing.plugin", "-p", "no:randomly", "-p", "no:xdist")
    assert "8 passed" in passed


@pytest.mark.slow
def test_models_and_migration_agree(project):
    project.covet("migration", "apply")
    assert "No changes" in project.covet("migration", "auto", "--check")


@pytest.mark.slow
@pytest.mark.parametrize("options", [["--workers", "2"], ["--workers", "2", "--preload"]], ids=["spawned", "forked"])
def test_several_workers_serve(laptop, options):
    with laptop.served(*options) as address:
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                status = request(f"{address}/api/posts/")[0]
                break
            except OSError:
                assert time.monotonic() < deadline, (laptop.folder / "server.log").read_text()
                time.sleep(0.1)
        assert status == 200
        for _ in range(20):
            assert request(f"{address}/api/posts/")[0] == 200


@pytest.mark.slow
def test_commands_work_in_a_project(laptop):
    assert "No problems found" in laptop.covet("check")
    deploy = laptop.covet("check", "--deploy", fails=True)
    assert "CV011" in deploy
    routes = laptop.covet("routes")
    assert "/posts/{pk:int}/" in routes
    assert "api-post-list" in routes
    assert "sqlite" in laptop.covet("doctor")
    assert laptop.covet("shell", "-c", "print(await Post.objects.count())").strip() == "0"
    laptop.covet("startapp", "billing")
    assert (laptop.folder / "billing" / "routers" / "__init__.py").is_file()
    assert "static files" in laptop.covet("collectstatic")
    assert list((laptop.folder / "staticfiles" / "css").glob("site*.css"))


@pytest.mark.slow
def test_without_debug_a_default_secret_is_refused(laptop):
    laptop.environment["COVET_DEBUG"] = "0"
    assert "SECRET_KEY is empty or a default" in laptop.covet("run", "--port", "0", fails=True)


@pytest.mark.slow
def test_error_pages_show_source_in_debug_only(laptop):
    views = laptop.folder / "app" / "views" / "pages.py"
    broken = '    password = "".join(["hunt", "er2"])\n    context = {\n        "boom": 1 / len(password[:0]),'
    views.write_text(views.read_text().replace("    context = {", broken, 1))
    with laptop.served() as address:
        status, text, _ = request(f"{address}/")
        assert status == 500
        assert "ZeroDivisionError" in text
        assert "hunter2" not in text
    laptop.environment |= {"COVET_DEBUG": "0", "COVET_SECRET_KEY": "q8Jx0m3-not-a-default-of-anybody"}
    with laptop.served() as address:
        status, text, _ = request(f"{address}/")
        assert status == 500
        assert "ZeroDivisionError" not in text


@pytest.mark.slow
def test_rows_are_dumped_and_loaded_again(laptop):
    code = "ann = await Author.objects.create(name='Ann'); await Post.objects.create(author=ann, title='T', body='B')"
    laptop.covet("shell", "-c", code)
    folder = laptop.folder / "app" / "fixtures"
    folder.mkdir()
    laptop.covet("dumpdata", "app", "--indent", "1", "--natural-foreign", "-o", "rows.json", cwd=folder)
    rows = json.loads((folder / "rows.json").read_text())
    assert [row["model"] for row in rows] == ["app.author", "app.post"]
    assert '"name": "Ann"' in laptop.covet("dumpdata", "app.Author")
    assert "--pks needs one model" in laptop.covet("dumpdata", "app", "--pks", "1", fails=True)
    laptop.covet("shell", "-c", "await Author.objects.all().delete()")
    assert "Installed 2 object(s) from 1 fixture(s)" in laptop.covet("loaddata", "rows")
    assert "Installed 1 object(s) (of 2) from 1" in laptop.covet("loaddata", "rows.json", "-e", "app.Post", cwd=folder)
    assert "No fixture named 'nothing' found" in laptop.covet("loaddata", "nothing", fails=True)
    assert "1" in laptop.covet("shell", "-c", "print(await Post.objects.filter(author__name='Ann').count())")
