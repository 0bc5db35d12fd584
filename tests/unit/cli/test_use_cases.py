"""What stands behind doctor, dbshell, routes, check and run."""

import importlib.metadata

import pytest

from covet.conf import override_settings
from covet.database.config import DatabaseConfig
from covet.exceptions import ImproperlyConfigured
from covet.routing import Router
from covet_cli import project
from covet_cli.addresses import lines
from covet_cli.checks import check_deployment, check_static
from covet_cli.clients import client_for
from covet_cli.diagnosis import examine_name, redis_address


def test_a_foreign_distribution_that_owns_our_name_is_reported(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "packages_distributions", lambda: {"covet": ["covetpy", "covet"]})
    (finding,) = examine_name()
    assert finding.verdict == "bad"
    assert finding.text == "covet also installs a package 'covet': pip uninstall covet"


def test_our_own_distribution_is_no_finding(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "packages_distributions", lambda: {"covet": ["covetpy"]})
    assert not list(examine_name())


@pytest.mark.parametrize(
    ("url", "program", "arguments", "environment"),
    [
        ("sqlite:////srv/db.sqlite3", "sqlite3", ("/srv/db.sqlite3",), {}),
        (
            "postgresql://ada:s3cret@db.example:6432/shop",
            "psql",
            ("-h", "db.example", "-p", "6432", "-U", "ada", "shop"),
            {"PGPASSWORD": "s3cret"},
        ),
        (
            "mysql://ada:s3cret@db.example/shop",
            "mysql",
            ("-h", "db.example", "-P", "3306", "-u", "ada", "shop"),
            {"MYSQL_PWD": "s3cret"},
        ),
    ],
)
def test_dbshell_keeps_the_password_off_the_command_line(url, program, arguments, environment):
    client = client_for(DatabaseConfig.from_url(url))
    assert (client.program, client.arguments, client.environment) == (program, arguments, environment)


async def show(request, pk): ...


def test_routes_name_path_verbs_name_and_handler():
    router = Router()
    router.get("/posts/{pk:int}/", show, name="post")
    inner = Router(namespace="api")
    inner.route("/any/", show, name="any")
    router.include("/api", inner)
    assert list(lines(router)) == [
        ("/posts/{pk:int}/", "GET", "post", f"{__name__}.show"),
        ("/api/any/", "any", "api:any", f"{__name__}.show"),
    ]


def test_redis_is_found_in_either_setting():
    with override_settings(REDIS_URL=None, CACHES={}):
        assert redis_address() is None
    with override_settings(REDIS_URL=None, CACHES={"default": {"LOCATION": "redis://cache:6379/1"}}):
        assert redis_address() == "redis://cache:6379/1"
    with override_settings(REDIS_URL="redis://one:6379"):
        assert redis_address() == "redis://one:6379"


def test_deployment_checks_have_lasting_codes():
    with override_settings(DEBUG=True, SECRET_KEY="", ALLOWED_HOSTS=["*"], SESSION_COOKIE_SECURE=False):
        assert {problem.code for problem in check_deployment()} == {"CV010", "CV011", "CV013", "CV014", "CV015"}
    with override_settings(
        DEBUG=False,
        SECRET_KEY="q8Jx0m3-not-a-default",
        ALLOWED_HOSTS=["shop.example"],
        SESSION_COOKIE_SECURE=True,
        SECURE_HSTS_SECONDS=3600,
    ):
        assert not list(check_deployment())


def test_missing_static_folder_is_a_warning(tmp_path):
    with override_settings(STATICFILES_DIRS=[tmp_path / "none", tmp_path]):
        (problem,) = check_static()
    assert problem.code == "CV004"
    assert problem.level == "warning"


def test_project_is_found_from_a_folder_below(tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "settings.py").touch()
    (tmp_path / "app" / "views").mkdir(parents=True)
    assert project.find_root(tmp_path / "app" / "views") == tmp_path
    assert project.find_root(tmp_path.parent) is None


def test_application_that_does_not_exist_is_named():
    with (
        override_settings(ASGI_APPLICATION="nowhere:app"),
        pytest.raises(ImproperlyConfigured, match="There is no module 'nowhere'"),
    ):
        project.load_application()
    with (
        override_settings(ASGI_APPLICATION="covet.app:nothing"),
        pytest.raises(ImproperlyConfigured, match=r"covet\.app has no 'nothing'"),
    ):
        project.load_application()


def test_missing_root_router_is_explained():
    with override_settings(ROOT_ROUTER=None), pytest.raises(ImproperlyConfigured, match="Set ROOT_ROUTER"):
        project.load_router()
