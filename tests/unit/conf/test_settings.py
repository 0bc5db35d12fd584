"""covet.conf: loading, checking, environment, overriding."""

import sys
from pathlib import Path

import pytest

from covet.conf import Settings, override_settings, settings
from covet.exceptions import ImproperlyConfigured


def make_project(folder: Path, source: str) -> None:
    (folder / "config").mkdir()
    (folder / "config" / "__init__.py").touch()
    (folder / "config" / "settings.py").write_text(source)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A function that writes config/settings.py into an empty project and gives fresh settings for it."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delenv("COVET_SETTINGS_MODULE", raising=False)

    def write(source: str) -> Settings:
        make_project(tmp_path, source)
        monkeypatch.chdir(tmp_path)
        for name in [name for name in sys.modules if name == "config" or name.startswith("config.")]:
            monkeypatch.delitem(sys.modules, name)
        return Settings()

    yield write
    for name in [name for name in sys.modules if name == "config" or name.startswith("config.")]:
        del sys.modules[name]


def test_values_come_from_config_settings_in_the_current_folder(project, tmp_path):
    loaded = project("DEBUG = True\nALLOWED_HOSTS = ['example.org']\nMY_OWN = 3\n")
    assert loaded.DEBUG is True
    assert loaded.ALLOWED_HOSTS == ["example.org"]
    assert loaded.MY_OWN == 3
    assert loaded.USE_TZ is True
    assert loaded.module_name == "config.settings"
    assert loaded.base_dir == tmp_path


def test_without_a_project_the_defaults_hold(tmp_path, monkeypatch):
    monkeypatch.delenv("COVET_SETTINGS_MODULE", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("covet.conf.loader.DEFAULT_MODULE", "no_such_package.settings")
    loaded = Settings()
    assert loaded.DEBUG is False
    assert repr(loaded) == "<Settings: defaults>"


def test_a_named_module_that_is_missing_is_an_error(monkeypatch):
    monkeypatch.setenv("COVET_SETTINGS_MODULE", "nowhere.settings")
    with pytest.raises(ImproperlyConfigured, match=r"names 'nowhere\.settings', and there is no such module"):
        Settings().DEBUG


def test_a_failing_import_inside_the_settings_keeps_its_own_error(project):
    loaded = project("import a_module_that_is_missing\n")
    with pytest.raises(ModuleNotFoundError, match="a_module_that_is_missing"):
        loaded.DEBUG


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("SECRT_KEY = 'x'", "config.settings: unknown setting SECRT_KEY; did you mean SECRET_KEY?"),
        ("MIDDLEWARES = []", "config.settings: unknown setting MIDDLEWARES; did you mean MIDDLEWARE?"),
        ("DEBUG = 'yes'", "config.settings: DEBUG must be bool; got 'yes' (str)"),
        ("ALLOWED_HOSTS = 'a'", "config.settings: ALLOWED_HOSTS must be a list of str; got 'a' (str)"),
        (
            "IMPLICIT_LOADING = 'lazy'",
            "config.settings: IMPLICIT_LOADING must be one of 'batch', 'warn', 'raise'; got 'lazy' (str)",
        ),
        ("SITE_ID = True", "config.settings: SITE_ID must be int or None; got True (bool)"),
    ],
)
def test_a_wrong_setting_is_an_error_that_names_the_choices(project, source, message):
    loaded = project(source)
    with pytest.raises(ImproperlyConfigured) as caught:
        loaded.DEBUG
    assert str(caught.value) == message


def test_the_environment_wins_over_the_module(project, monkeypatch):
    monkeypatch.setenv("COVET_DEBUG", "off")
    monkeypatch.setenv("COVET_ALLOWED_HOSTS", "a.org, b.org")
    monkeypatch.setenv("COVET_DATA_UPLOAD_MAX_MEMORY_SIZE", "none")
    monkeypatch.setenv("COVET_CACHES", '{"default": {"LOCATION": "x"}}')
    loaded = project("DEBUG = True\n")
    assert loaded.DEBUG is False
    assert loaded.ALLOWED_HOSTS == ["a.org", "b.org"]
    assert loaded.DATA_UPLOAD_MAX_MEMORY_SIZE is None
    assert loaded.CACHES == {"default": {"LOCATION": "x"}}


def test_an_unreadable_environment_value_is_an_error(project, monkeypatch):
    monkeypatch.setenv("COVET_DEBUG", "maybe")
    loaded = project("")
    with pytest.raises(ImproperlyConfigured, match="environment variable COVET_DEBUG must be bool"):
        loaded.DEBUG


def test_reading_an_unknown_setting_names_the_nearest():
    with pytest.raises(AttributeError, match=r"There is no setting 'DEBG'; the nearest are: DEBUG"):
        settings.DEBG


def test_override_restores_values_and_removes_added_names():
    before = settings.DEBUG
    with override_settings(DEBUG=not before, SHOP_NAME="x"):
        assert settings.DEBUG is not before
        assert settings.SHOP_NAME == "x"
    assert settings.DEBUG is before
    assert not hasattr(settings, "SHOP_NAME")


async def test_override_decorates_async_functions():
    @override_settings(TIME_ZONE="Europe/Paris")
    async def zone() -> str:
        return settings.TIME_ZONE

    assert await zone() == "Europe/Paris"
    assert settings.TIME_ZONE != "Europe/Paris"


def test_override_refuses_misspelt_names():
    with pytest.raises(ImproperlyConfigured, match="did you mean DEBUG"):
        override_settings(DEBUGG=True)


def test_subscribers_hear_of_every_change():
    loaded = Settings()
    loaded.configure(DEBUG=True)
    heard: list[str] = []
    loaded.subscribe(heard.append)
    loaded.DEBUG = False
    assert heard == ["DEBUG"]


def test_configure_after_loading_is_refused():
    loaded = Settings()
    loaded.configure()
    with pytest.raises(ImproperlyConfigured, match="loaded already"):
        loaded.configure(DEBUG=True)


@pytest.mark.parametrize("key", ["", "your-secret-key-here", "covet-insecure-abc"])
def test_serving_without_debug_needs_a_secret_of_its_own(key):
    loaded = Settings()
    loaded.configure(SECRET_KEY=key)
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY is empty or a default"):
        loaded.check_serving()


def test_serving_with_a_real_secret_or_with_debug_is_allowed():
    real = Settings()
    real.configure(SECRET_KEY="q8Jx0m3-not-a-default")
    real.check_serving()
    laptop = Settings()
    laptop.configure(DEBUG=True)
    laptop.check_serving()
