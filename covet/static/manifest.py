"""Names with a hash of the content, so that browsers may keep a file for ever: `css/site.3f2a9c10b1d4.css`.

`collect` writes them and a manifest; `static()` reads the manifest.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urldefrag

MANIFEST: Final = "staticfiles.json"
HASH_LENGTH: Final = 12
_HASHED: Final = re.compile(rf"\.[0-9a-f]{{{HASH_LENGTH}}}(?=\.[^./]+$|$)")
_URLS: Final = re.compile(
    r"""(?P<before>url\(\s*)(?P<quote>['"]?)(?P<url>[^'")]+)(?P=quote)(?P<after>\s*\))"""
    r"""|(?P<ibefore>@import\s+)(?P<iquote>["'])(?P<iurl>[^"']+)(?P=iquote)""",
    re.IGNORECASE,
)
_SOURCE_MAP: Final = re.compile(r"(?P<before>[#@]\s*sourceMappingURL=)(?P<url>[^\s*]+)")


def hashed_name(name: str, content: bytes) -> str:
    """`name` with the content's hash before its last suffix."""
    digest = hashlib.sha256(content).hexdigest()[:HASH_LENGTH]
    root, extension = posixpath.splitext(name)
    return f"{root}.{digest}{extension}"


def is_hashed(name: str) -> bool:
    """Whether a name looks like one that `hashed_name` made."""
    return _HASHED.search(name) is not None


def load_manifest(root: Path) -> dict[str, str]:
    """Plain name to hashed name, as `collect` wrote it; empty without a manifest."""
    try:
        data: Any = json.loads((root / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    paths = data.get("paths", {}) if isinstance(data, dict) else {}
    return {str(key): str(value) for key, value in paths.items()}


def write_manifest(root: Path, paths: Mapping[str, str]) -> None:
    """Write the manifest; readers see the old one or the new one, never half of it."""
    temporary = root / f".{MANIFEST}.new"
    temporary.write_text(json.dumps({"version": "1", "paths": dict(sorted(paths.items()))}, indent=1), encoding="utf-8")
    temporary.replace(root / MANIFEST)


def references(name: str, text: str) -> list[str]:
    """The files that a style sheet or script refers to, as names beside the other names."""
    return [target for _, target, _ in _found(name, text)]


def rewrite(name: str, text: str, names: Mapping[str, str]) -> str:
    """A style sheet or script whose references lead to the hashed names."""
    for start, target, span in sorted(_found(name, text), key=lambda item: item[2], reverse=True):
        if target in names:
            old = text[span[0] : span[1]]
            relative = posixpath.relpath(names[target], posixpath.dirname(name) or ".")
            tail = start[len(urldefrag(start)[0].partition("?")[0]) :]
            text = text[: span[0]] + old.replace(start, relative + tail, 1) + text[span[1] :]
    return text


def _found(name: str, text: str) -> list[tuple[str, str, tuple[int, int]]]:
    """(the reference as written, the file's name, where the reference stands)."""
    patterns = [_URLS, _SOURCE_MAP] if name.endswith(".css") else [_SOURCE_MAP]
    found: list[tuple[str, str, tuple[int, int]]] = []
    for pattern in patterns:
        for match in pattern.finditer(text):
            group = "url" if match["url"] is not None else "iurl"
            url = match[group].strip()
            target = _target(name, url)
            if target is not None:
                found.append((url, target, match.span(group)))
    return found


def _target(name: str, url: str) -> str | None:
    """The file a relative reference means; None for other hosts, absolute paths, data and fragments."""
    path = unquote(urldefrag(url)[0].partition("?")[0])
    if not path or path.startswith(("/", "#")) or ":" in path.partition("/")[0]:
        return None
    target = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
    return None if target.startswith("..") else target
