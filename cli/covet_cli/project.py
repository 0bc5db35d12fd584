"""Finding the project a command runs in, and loading what it needs of it."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

from covet.conf import settings
from covet.conf.logs import configure_logging
from covet.exceptions import ImproperlyConfigured

SETTINGS_FILE = Path("config", "settings.py")
SETTINGS_VARIABLE = "COVET_SETTINGS_MODULE"
DEFAULT_APPLICATION = "asgi:app"


def find_root(start: Path) -> Path | None:
    """The nearest folder, upwards from `start`, that holds config/settings.py."""
    for folder in (start, *start.parents):
        if (folder / SETTINGS_FILE).is_file():
            return folder
    return None


def enter() -> Path:
    """Makes the project's folder the current one and importable, and loads its settings.

    Raises:
        ImproperlyConfigured: there is no project here, or its settings are wrong.
    """
    root = find_root(Path.cwd())
    if root is None and SETTINGS_VARIABLE not in os.environ:
        raise ImproperlyConfigured(
            f"There is no {SETTINGS_FILE} in {Path.cwd()} or above it. Go to a project's folder, make one with "
            f"'covet startproject NAME', or name the settings in {SETTINGS_VARIABLE}."
        )
    if root is not None:
        os.chdir(root)
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    configure_logging()
    return Path(folder)


def load_models() -> dict[str, Any]:
    """Imports every installed app's models; the model classes by name, later apps winning a name.

    Raises:
        ImproperlyConfigured: an installed app does not exist.
    """
    from covet.database.orm.models import Model

    found: dict[str, Any] = {}
    for app in settings.INSTALLED_APPS:
        module = import_models(app)
        if module is None:
            continue
        found |= {
            name: value
            for name, value in vars(module).items()
            if isinstance(value, type) and issubclass(value, Model) and value is not Model
        }
    return found


def import_models(app: str) -> Any:
    """An app's `models` module, or None when the app has none."""
    try:
        importlib.import_module(app)
    except ModuleNotFoundError as error:
        if error.name is None or not app.startswith(error.name):
            raise
        raise ImproperlyConfigured(f"INSTALLED_APPS names {app!r}, and there is no such package.") from error
    name = f"{app}.models"
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        return None


def application_path() -> str:
    """Where the server finds the ASGI application, as `module:attribute`."""
    return settings.ASGI_APPLICATION or DEFAULT_APPLICATION


def load_application() -> Any:
    """Imports the ASGI application.

    Raises:
        ImproperlyConfigured: the path names nothing.
    """
    path = application_path()
    module_name, _, attribute = path.replace(":", ".").rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name:
            raise
        raise ImproperlyConfigured(
            f"There is no module {module_name!r}; set ASGI_APPLICATION to your application as 'module:attribute'."
        ) from error
    if not hasattr(module, attribute):
        raise ImproperlyConfigured(f"{module_name} has no {attribute!r}; ASGI_APPLICATION is {path!r}.")
    return getattr(module, attribute)


def load_router() -> Any:
    """Imports the root router.

    Raises:
        ImproperlyConfigured: ROOT_ROUTER is missing or names nothing.
    """
    from covet.routing.router import Router, import_router

    root = settings.ROOT_ROUTER
    if isinstance(root, Router):
        return root
    if not root:
        raise ImproperlyConfigured("Set ROOT_ROUTER to the dotted path of your router, such as 'app.routers.router'.")
    return import_router(root)
