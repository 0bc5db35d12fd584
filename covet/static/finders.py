"""Where a project's static files are: STATICFILES_DIRS, the project's `static` folder, every application's `static`."""

from __future__ import annotations

import fnmatch
import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from covet.conf import settings

IGNORED: Final = ("CVS", ".*", "*~", "*.pyc", "__pycache__")


def source_folders() -> list[tuple[str, Path]]:
    """(prefix, folder) in the order in which the first file of a name wins."""
    folders: list[tuple[str, Path]] = []
    for entry in settings.STATICFILES_DIRS:
        prefix, folder = entry if isinstance(entry, (tuple, list)) else ("", entry)
        folders.append((str(prefix).strip("/"), _resolved(folder)))
    folders.append(("", settings.base_dir / "static"))
    folders.extend(("", folder) for folder in _app_folders())
    root = static_root()
    unique = dict.fromkeys(folders)
    return [(prefix, folder) for prefix, folder in unique if folder != root and folder.is_dir()]


def static_root() -> Path | None:
    """STATIC_ROOT as a path, or None."""
    return _resolved(settings.STATIC_ROOT) if settings.STATIC_ROOT else None


def _resolved(folder: str | os.PathLike[str]) -> Path:
    path = Path(folder)
    return path if path.is_absolute() else settings.base_dir / path


def _app_folders() -> Iterator[Path]:
    for app in settings.INSTALLED_APPS:
        name = app
        while name:
            try:
                spec = importlib.util.find_spec(name)
            except ModuleNotFoundError:
                spec = None
            if spec is not None and spec.submodule_search_locations:
                yield Path(next(iter(spec.submodule_search_locations))) / "static"
                break
            name = name.rpartition(".")[0]


def find_all(ignore: tuple[str, ...] = IGNORED) -> dict[str, Path]:
    """Every static file by its name; of several with one name, the first."""
    found: dict[str, Path] = {}
    for prefix, folder in source_folders():
        for path in _files(folder, ignore):
            name = path.relative_to(folder).as_posix()
            found.setdefault(f"{prefix}/{name}" if prefix else name, path)
    return found


def _files(folder: Path, ignore: tuple[str, ...]) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _is_ignored(name, ignore))
        for name in sorted(names):
            if not _is_ignored(name, ignore):
                yield Path(parent, name)


def _is_ignored(name: str, ignore: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for pattern in ignore)


def find(name: str) -> Path | None:
    """The file of that name, or None; names that leave the folders find nothing."""
    for prefix, folder in source_folders():
        rest = name.removeprefix(f"{prefix}/") if prefix else name
        if prefix and rest == name:
            continue
        path = (folder / rest).resolve()
        if path.is_relative_to(folder.resolve()) and path.is_file():
            return path
    return None
