"""Results on disk: one JSON file for each subject, database and app, in the ignored cache."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.django_suite.source import CACHE, RESULTS_VARIABLE

PASSING: Final = frozenset({"pass"})
OUTCOMES: Final = ("pass", "fail", "error", "missing", "skip")


def file_for(subject: str, vendor: str, app: str) -> Path:
    """Where the result of one app's run is kept."""
    return _folder() / f"{subject}.{vendor}.{app}.json"


def _folder() -> Path:
    return Path(os.environ.get(RESULTS_VARIABLE) or CACHE / "results")


def write(subject: str, vendor: str, app: str, result: dict[str, Any]) -> None:
    """Keep the result of one app's run."""
    file = file_for(subject, vendor, app)
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(result, indent=1))
    partial.replace(file)


def read(subject: str, vendor: str, app: str) -> dict[str, Any] | None:
    """The kept result, or None when the app has not been run."""
    file = file_for(subject, vendor, app)
    if not file.exists():
        return None
    loaded: dict[str, Any] = json.loads(file.read_text())
    return loaded


def tests_of(subject: str, vendor: str, apps: tuple[str, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every test id with its outcome, over the kept results of `apps`."""
    for app in apps:
        yield from (read(subject, vendor, app) or {}).get("tests", {}).items()
