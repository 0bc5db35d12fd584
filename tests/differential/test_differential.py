"""The CI run: 2,000 programs, half on each database, each in a process of its own.

They are the same ones each time, so that a new find turns no unrelated change red. COVET_DIFFERENTIAL_SEED names
others, and `python -m tests.differential` draws new ones.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.django_suite.source import ROOT
from tests.services import VARIABLES

CASES = 1000
SEED = "1000"


def compare(database: str, environment: dict[str, str]) -> str:
    """What the comparison prints; fails the test when the frameworks differ."""
    command = [sys.executable, "-m", "tests.differential", "--db", database, "--cases", str(CASES)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={"COVET_DIFFERENTIAL_SEED": SEED, **os.environ, **environment},
    )
    print(done.stdout)
    if done.returncode:
        pytest.fail(f"{done.stdout[-6000:]}\n{done.stderr[-3000:]}")
    return done.stdout


@pytest.mark.slow
def test_random_querysets_agree_with_django_on_sqlite() -> None:
    """Promises 57-60. The same rows, in the same order, in as many queries."""
    assert "\n0 differences in " in compare("sqlite", {})


@pytest.mark.slow
@pytest.mark.postgresql
def test_random_querysets_agree_with_django_on_postgresql(postgresql_url: str) -> None:
    """Promises 57-60. The same rows, in the same order, in as many queries."""
    assert "\n0 differences in " in compare("postgres", {VARIABLES["postgresql"]: postgresql_url})
