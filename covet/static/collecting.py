"""`collect`: every static file into STATIC_ROOT, under its own name, a hashed one, and compressed. The CLI calls it."""

from __future__ import annotations

import gzip
import importlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from covet.exceptions import ImproperlyConfigured
from covet.static.finders import IGNORED, find_all, static_root
from covet.static.manifest import hashed_name, references, rewrite, write_manifest

COMPRESSIBLE: Final = frozenset(
    {".css", ".html", ".ico", ".js", ".json", ".map", ".md", ".mjs", ".svg", ".txt", ".wasm", ".webmanifest", ".xml"}
)
REWRITTEN: Final = (".css", ".js", ".mjs")
SMALLEST: Final = 512
"""Bytes below which compressing gains nothing."""


@dataclass(slots=True)
class Collected:
    """What `collect` did: names copied, unchanged, hashed (plain to hashed) and compressed, and references broken."""

    root: Path
    copied: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    hashed: dict[str, str] = field(default_factory=dict)
    compressed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def collect(
    root: Path | None = None,
    *,
    clear: bool = False,
    hashed: bool = True,
    compress: bool = True,
    dry_run: bool = False,
    ignore: tuple[str, ...] = (),
    progress: Callable[[str], None] | None = None,
) -> Collected:
    """Copy every static file to `root`.

    Args:
        root: the folder; STATIC_ROOT without it.
        clear: empty it first.
        hashed: write copies with hashed names, and the manifest that `static()` reads.
        compress: write `.gz` beside what gets smaller, and `.br` where brotli is installed.
        dry_run: write nothing.
        ignore: further name patterns to leave out.
        progress: called with each name.

    Raises:
        ImproperlyConfigured: there is no STATIC_ROOT.
    """
    target = root or static_root()
    if target is None:
        raise ImproperlyConfigured(
            "collectstatic needs STATIC_ROOT, the folder that the web server serves; for example: "
            "STATIC_ROOT = BASE_DIR / 'staticfiles'"
        )
    result = Collected(target)
    files = find_all((*IGNORED, *ignore))
    if clear and not dry_run and target.is_dir():
        _empty(target)
    for name, source in files.items():
        if progress is not None:
            progress(name)
        _copy(source, target / name, name, result, dry_run=dry_run)
    if hashed:
        _hash(files, target, result, dry_run=dry_run)
    if compress and not dry_run:
        for name in [*files, *result.hashed.values()]:
            _compress(target / name, name, result)
    return result


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _copy(source: Path, target: Path, name: str, result: Collected, *, dry_run: bool) -> None:
    if target.is_file():
        old, new = target.stat(), source.stat()
        if old.st_size == new.st_size and old.st_mtime >= new.st_mtime:
            result.unchanged.append(name)
            return
    result.copied.append(name)
    if not dry_run:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def _hash(files: dict[str, Path], target: Path, result: Collected, *, dry_run: bool) -> None:
    """Hashed copies: files that refer to others come after those, for their content changes with the others' names."""
    pending = dict(files)
    while pending:
        ready = [name for name, source in pending.items() if not _waits(name, source, pending)]
        # What is left refers to itself in a circle: its references stay as they are written.
        for name in ready or list(pending):
            content = _content(name, pending.pop(name), files, result)
            result.hashed[name] = hashed_name(name, content)
            if not dry_run:
                path = target / result.hashed[name]
                path.parent.mkdir(parents=True, exist_ok=True)
                if not path.is_file() or path.stat().st_size != len(content):
                    path.write_bytes(content)
    if not dry_run:
        target.mkdir(parents=True, exist_ok=True)
        write_manifest(target, result.hashed)


def _text(name: str, source: Path) -> str | None:
    if not name.endswith(REWRITTEN):
        return None
    try:
        return source.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def _waits(name: str, source: Path, pending: dict[str, Path]) -> bool:
    text = _text(name, source)
    return text is not None and any(target in pending and target != name for target in references(name, text))


def _content(name: str, source: Path, files: dict[str, Path], result: Collected) -> bytes:
    text = _text(name, source)
    if text is None:
        return source.read_bytes()
    result.missing.extend(f"{name}: {target}" for target in references(name, text) if target not in files)
    rewritten = rewrite(name, text, result.hashed)
    return source.read_bytes() if rewritten == text else rewritten.encode()


def _compress(path: Path, name: str, result: Collected) -> None:
    if path.suffix not in COMPRESSIBLE or path.stat().st_size < SMALLEST:
        return
    content = path.read_bytes()
    for suffix, compressor in _compressors():
        target = path.with_name(path.name + suffix)
        if target.is_file() and target.stat().st_mtime >= path.stat().st_mtime:
            continue
        smaller = compressor(content)
        if len(smaller) < len(content) * 0.95:
            target.write_bytes(smaller)
            result.compressed.append(name + suffix)


def _compressors() -> list[tuple[str, Callable[[bytes], bytes]]]:
    found: list[tuple[str, Callable[[bytes], bytes]]] = [(".gz", _gzip)]
    try:
        brotli: Any = importlib.import_module("brotli")
    except ModuleNotFoundError:
        return found
    return [*found, (".br", brotli.compress)]


def _gzip(content: bytes) -> bytes:
    return gzip.compress(content, 9, mtime=0)
