"""Real projects: Django's migrations make the database, our models show no difference, and Django reads our rows."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.migrations.laboratory import laboratory
from tests.oracle.projects.registry import PROJECTS

ROOT = Path(__file__).parents[3]
FOLDER = os.environ.get("COVET_TEST_PROJECTS", "")


@pytest.mark.skipif(
    not FOLDER, reason="COVET_TEST_PROJECTS names no folder; see tests/oracle/projects/requirements.txt"
)
@pytest.mark.parametrize("name", PROJECTS)
async def test_models_of_a_real_project_are_its_tables(name: str, database_url: str, tmp_path: Path) -> None:
    if not (Path(FOLDER) / PROJECTS[name].module).exists():
        pytest.skip(f"{name} is not installed in COVET_TEST_PROJECTS")
    async with laboratory(database_url, tmp_path):
        pass
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.oracle.projects", database_url, name],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), FOLDER])},
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    vendor = database_url.partition(":")[0].partition("+")[0]
    known = PROJECTS[name].known.get(vendor, ())
    assert [each for each in found["differences"] if not any(words in each for words in known)] == []
    assert len(found["differences"]) == len(known)
    assert found["refused"] == []
    assert found["empty"] == []
    assert found["unread"] == []
    assert found["makemigrations"] == "No changes detected"
    assert found["unapplied"] == ""
