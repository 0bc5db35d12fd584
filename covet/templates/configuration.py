"""Reading the TEMPLATES setting: the guide's one dict, or Django's list of engines; both become the same records."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from covet.conf import settings
from covet.exceptions import ImproperlyConfigured, choices

Backend = Literal["jinja2", "django"]

BACKENDS: Final[Mapping[str, Backend]] = {
    "jinja2": "jinja2",
    "django": "django",
    "covet.templates.Jinja2": "jinja2",
    "covet.templates.jinja.JinjaEngine": "jinja2",
    "django.template.backends.jinja2.Jinja2": "jinja2",
    "django.template.backends.django.DjangoTemplates": "django",
}
KEYS: Final = frozenset(
    {"backend", "dirs", "app_dirs", "auto_escape", "autoescape", "name", "options", "context_processors"}
)
DEFAULT_PROCESSORS: Final = (
    "covet.templates.context_processors.request",
    "covet.templates.context_processors.csp_nonce",
)


@dataclass(slots=True)
class EngineConfiguration:
    """One engine.

    Attributes:
        name: for `using=`.
        backend: jinja2 or django.
        dirs: the folders, in the order of searching.
        auto_escape: escape what templates print.
        processors: dotted paths of context processors.
        options: further options of the engine.
    """

    name: str
    backend: Backend
    dirs: list[Path]
    auto_escape: bool = True
    processors: list[Any] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)


def configurations(setting: Any = None) -> list[EngineConfiguration]:
    """The engines of the TEMPLATES setting; one for jinja2 with the project's `templates` folder if it is empty.

    Raises:
        ImproperlyConfigured: a key or backend is unknown; the message lists the choices.
    """
    value = settings.TEMPLATES if setting is None else setting
    entries = [value] if isinstance(value, Mapping) else list(value)
    found = [_configuration(entry) for entry in entries or [{}]]
    names = [configuration.name for configuration in found]
    for configuration in found:
        if names.count(configuration.name) > 1:
            raise ImproperlyConfigured(
                f"TEMPLATES has two engines called {configuration.name!r}; give one of them a NAME."
            )
    return found


def _configuration(entry: Mapping[str, Any]) -> EngineConfiguration:
    values = {key.lower(): value for key, value in entry.items()}
    if unknown := sorted(values.keys() - KEYS):
        names = ", ".join(choices(unknown[0], KEYS))
        raise ImproperlyConfigured(f"TEMPLATES has the unknown key {unknown[0]!r}; choose from: {names}")
    options = dict(values.get("options") or {})
    backend = _backend(values.get("backend", "jinja2"))
    dirs = [_resolved(folder) for folder in _given_dirs(values)]
    if values.get("app_dirs", True):
        dirs.extend(app_folders(("jinja2", "templates") if backend == "jinja2" else ("templates",)))
    processors = [*(values.get("context_processors") or ()), *(options.pop("context_processors", None) or ())]
    escape = values.get("auto_escape", values.get("autoescape", options.pop("autoescape", True)))
    return EngineConfiguration(
        name=values.get("name") or backend,
        backend=backend,
        dirs=list(dict.fromkeys(dirs)),
        auto_escape=bool(escape),
        processors=list(dict.fromkeys([*DEFAULT_PROCESSORS, *map(_ours, processors)])),
        options=options,
    )


def _given_dirs(values: Mapping[str, Any]) -> list[Any]:
    dirs = values.get("dirs")
    if dirs is None:
        return ["templates"]
    return [dirs] if isinstance(dirs, (str, Path)) else list(dirs)


def _backend(name: str) -> Backend:
    try:
        return BACKENDS[name]
    except KeyError:
        names = ", ".join(choices(name, BACKENDS))
        raise ImproperlyConfigured(f"TEMPLATES has the unknown backend {name!r}; choose one of: {names}") from None


def _resolved(folder: Any) -> Path:
    path = Path(folder)
    return path if path.is_absolute() else settings.base_dir / path


def _ours(processor: Any) -> Any:
    """Django's own processors under our names; its others need its request and are left out by the converter."""
    if isinstance(processor, str):
        return processor.replace("django.template.context_processors.", "covet.templates.context_processors.").replace(
            "django.contrib.auth.context_processors.auth", "covet.templates.context_processors.auth"
        )
    return processor


def app_folders(names: Iterable[str]) -> list[Path]:
    """The folders called so inside the packages of INSTALLED_APPS."""
    folders: list[Path] = []
    for app in settings.INSTALLED_APPS:
        package = _package_folder(app)
        if package is not None:
            folders.extend(package / name for name in names if (package / name).is_dir())
    return folders


def _package_folder(app: str) -> Path | None:
    name = app
    while name:
        try:
            spec = importlib.util.find_spec(name)
        except ModuleNotFoundError:
            spec = None
        if spec is not None and spec.submodule_search_locations:
            return Path(next(iter(spec.submodule_search_locations)))
        name = name.rpartition(".")[0]
    return None


def import_attribute(path: Any, what: str) -> Any:
    """The object at a dotted path; anything but a string is returned as it is.

    Raises:
        ImproperlyConfigured: there is none.
    """
    if not isinstance(path, str):
        return path
    module_name, _, attribute = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ImproperlyConfigured(f"{what} {path!r} cannot be imported: {error}") from error
