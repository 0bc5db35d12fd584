"""One process for each app: what breaks or hangs in one costs no other."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from tests.django_suite import results
from tests.django_suite.source import ROOT

APP_SECONDS: Final = 900


def run_each(
    apps: Sequence[str],
    *,
    subject: str,
    vendor: str,
    jobs: int = 1,
    strict: bool = True,
    say: Callable[[str], None] = print,
) -> dict[str, Counter[str]]:
    """Run every app in a process of its own; the outcomes' counts by app."""

    def one(app: str) -> Counter[str]:
        counts = _run(app, subject, vendor, strict)
        say(f"{app:28} {describe(counts)}")
        return counts

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        return dict(zip(apps, pool.map(one, apps), strict=True))


def describe(counts: Counter[str]) -> str:
    """`12 pass, 1 fail`."""
    return ", ".join(f"{counts[name]} {name}" for name in (*results.OUTCOMES, "crash") if counts[name]) or "no tests"


def _run(app: str, subject: str, vendor: str, strict: bool) -> Counter[str]:
    file = results.file_for(subject, vendor, app)
    file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "tests.django_suite", "--one-process", app]
    command += ["--subject", subject, "--db", vendor] + ([] if strict else ["--count-only"])
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    started = time.monotonic()
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=APP_SECONDS,
            check=False,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path},
        )
        output = done.stderr
    except subprocess.TimeoutExpired as expired:
        output = f"stopped after {time.monotonic() - started:.0f} s\n{expired.stderr!r}"
    result = results.read(subject, vendor, app)
    if result is None:
        crashed: dict[str, Any] = {"tests": {}, "load_errors": {app: output[-3000:]}, "crashed": True}
        results.write(subject, vendor, app, crashed)
        return Counter({"crash": 1})
    return Counter(test["outcome"] for test in result["tests"].values())
