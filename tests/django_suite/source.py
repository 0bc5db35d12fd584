"""Where Django's source distribution is: an ignored cache, filled by pip when it is empty."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.archives import unpack

VERSION: Final = "5.2"
ROOT: Final = Path(__file__).resolve().parents[2]
CACHE: Final = ROOT / ".cache" / "django-suite"
RESULTS_VARIABLE: Final = "COVET_DJANGO_RESULTS"
FOLDER_VARIABLE: Final = "COVET_DJANGO_TESTS"


class SourceUnavailable(RuntimeError):
    """Django's source distribution is neither cached nor downloadable."""


def tests_folder(*, download: bool = True) -> Path:
    """The `tests` folder of Django's source distribution.

    The environment variable COVET_DJANGO_TESTS names an unpacked one; otherwise the cache is used,
    and filled when `download` allows it.

    Raises:
        SourceUnavailable: when there is none to be had.
    """
    if named := os.environ.get(FOLDER_VARIABLE):
        folder = Path(named)
        if not (folder / "basic").is_dir():
            raise SourceUnavailable(f"{FOLDER_VARIABLE} names {named!r}, which holds no tests of Django")
        return folder
    unpacked = _unpacked()
    if unpacked is None and download:
        _download()
        unpacked = _unpacked()
    if unpacked is None:
        raise SourceUnavailable(
            f"Django {VERSION}'s source distribution is not in {CACHE}; run `python3 dev.py django-suite basic` "
            f"with a package index in reach, or set {FOLDER_VARIABLE} to the tests folder of an unpacked one"
        )
    return unpacked


def _unpacked() -> Path | None:
    for archive in sorted(CACHE.glob(f"[Dd]jango-{VERSION}*.tar.gz"), reverse=True):
        folder = CACHE / archive.name.removesuffix(".tar.gz")
        if not (folder / "tests" / "basic").is_dir():
            unpack(archive, CACHE)
        if (folder / "tests" / "basic").is_dir():
            return folder / "tests"
    return None


def _download() -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--no-binary", "django", "--dest", str(CACHE), f"django~={VERSION}.0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SourceUnavailable(f"pip could not download Django {VERSION}'s source distribution:\n{done.stderr[-500:]}")
