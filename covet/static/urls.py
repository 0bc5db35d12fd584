"""`static(name)`: a file's URL, with its hashed name where `collectstatic` made one."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import quote, urljoin

from covet.conf import settings
from covet.static.finders import static_root
from covet.static.manifest import load_manifest

_SAFE: Final = "/~:@!$&'()*+,;=-._"


class _Manifest:
    """The manifest in memory; while DEBUG is on, the plain names are used and it is not read."""

    def __init__(self) -> None:
        self._paths: dict[str, str] | None = None

    def name(self, name: str) -> str:
        if settings.DEBUG:
            return name
        if self._paths is None:
            root: Path | None = static_root()
            self._paths = load_manifest(root) if root is not None else {}
        return self._paths.get(name, name)

    def forget(self, setting: str) -> None:
        if setting in {"STATIC_ROOT", "DEBUG"}:
            self._paths = None


_manifest = _Manifest()
settings.subscribe(_manifest.forget)


def static(name: str) -> str:
    """The URL of a static file.

    Args:
        name: its path below the static folders: `css/site.css`. A `#fragment` or `?query` is kept.
    """
    path, mark, tail = name.partition("#") if "#" in name else name.partition("?")
    url = quote(_manifest.name(path.lstrip("/")), safe=_SAFE)
    return urljoin(settings.STATIC_URL or "/static/", url) + mark + tail


def forget_manifest() -> None:
    """Read the manifest again at the next use; `collectstatic` calls it."""
    _manifest.forget("STATIC_ROOT")
