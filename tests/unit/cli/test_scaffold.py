"""startproject and startapp: the tree, the names, the refusals."""

import ast
from pathlib import Path

import pytest
from click.testing import CliRunner

from covet_cli.main import cli
from covet_cli.scaffold import ScaffoldError, check_name, check_target, fill

DEPLOYMENT = {
    ".dockerignore", ".env.example", "Dockerfile", "docker-compose.yml", "nginx/active.conf",
    "nginx/blue-green.conf", "nginx/nginx.conf", "nginx/proxy.conf",
}  # fmt: skip
PROJECT = {
    ".gitignore", "README.md", "pyproject.toml", "asgi.py",
    "app/__init__.py", "app/models/__init__.py", "app/models/author.py", "app/models/post.py",
    "app/views/__init__.py", "app/views/api.py", "app/views/pages.py",
    "app/routers/__init__.py", "app/routers/api.py", "app/middleware/__init__.py", "app/middleware/timing.py",
    "config/__init__.py", "config/database.py", "config/settings.py", "config/worker.py",
    "migrations/0001_initial.py",
    "static/css/site.css", "static/img/favicon.svg",
    "templates/base.html", "templates/welcome.html", "templates/posts/list.html", "templates/posts/detail.html",
    "tests/__init__.py", "tests/conftest.py", "tests/test_api.py", "tests/test_pages.py",
}  # fmt: skip


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def empty(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def invoke(*arguments: str):
    return CliRunner().invoke(cli, list(arguments))


def test_startproject_makes_the_guides_tree(empty):
    """Promise 19, 26."""
    result = invoke("startproject", "shop")
    assert result.exit_code == 0, result.output
    assert tree(empty / "shop") == PROJECT | DEPLOYMENT
    assert "covet migration apply" in result.output


def test_mysql_project_brings_its_compose_override(empty):
    assert invoke("startproject", "shop", "--database", "mysql").exit_code == 0
    assert tree(empty / "shop") == PROJECT | DEPLOYMENT | {"docker-compose.override.yml"}
    assert '"covetpy[mysql]"' in (empty / "shop" / "pyproject.toml").read_text()


@pytest.mark.parametrize(
    ("database", "expected"),
    [
        ("sqlite", "f\"sqlite:///{BASE_DIR / 'db.sqlite3'}\""),
        ("postgresql", '"postgresql://postgres:postgres@localhost:5432/shop"'),
        ("mysql", '"mysql://root@localhost:3306/shop"'),
    ],
)
def test_database_option_sets_the_default_address(empty, database, expected):
    invoke("startproject", "shop", "--database", database)
    assert expected in (empty / "shop" / "config" / "database.py").read_text()


def test_every_file_is_filled_in_and_every_module_compiles(empty):
    invoke("startproject", "shop")
    for path in (empty / "shop").rglob("*"):
        if path.is_file():
            text = path.read_text()
            assert "@@" not in text, path
            if path.suffix == ".py":
                ast.parse(text)


def test_each_project_has_a_secret_of_its_own(empty):
    invoke("startproject", "one")
    invoke("startproject", "two")
    secrets = {
        (empty / name / "config" / "settings.py").read_text().split("covet-insecure-")[1][:40]
        for name in ("one", "two")
    }
    assert len(secrets) == 2


def test_startproject_fills_a_given_empty_folder(empty):
    assert invoke("startproject", "shop", ".").exit_code == 0
    assert (empty / "asgi.py").is_file()


def test_a_full_folder_is_left_alone(empty):
    (empty / "shop").mkdir()
    (empty / "shop" / "mine.txt").write_text("mine")
    with pytest.raises(ScaffoldError, match="shop exists and is not empty; choose another name or folder"):
        check_target(Path("shop"))
    assert invoke("startproject", "shop").exit_code == 1
    assert tree(empty / "shop") == {"mine.txt"}


@pytest.mark.parametrize(
    ("name", "advice"), [("my-shop", "; try 'my_shop'"), ("class", "; try 'class'"), ("2shop", ""), ("", "")]
)
def test_names_python_cannot_import_are_refused(name, advice):
    with pytest.raises(ScaffoldError, match=f"is no project name.*{advice}"):
        check_name(name, kind="project")


def test_an_app_may_not_hide_a_package():
    with pytest.raises(ScaffoldError, match="There is a Python package 'json' already"):
        check_name("json", kind="app")


def test_fill_replaces_marked_names_only():
    assert fill("@@a@@ @b@ {{ c }}", {"a": "1", "b": "2"}) == "1 @b@ {{ c }}"
