"""The typing tests hold: what type checkers make of models, without a plugin."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]


@pytest.mark.slow
def test_models_are_typed_without_a_plugin() -> None:
    """Promise 16: `mypy --strict` knows every field's type, nullable ones included."""
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "typing_tests"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert [line for line in done.stdout.splitlines() if line.startswith("typing_tests")] == []
