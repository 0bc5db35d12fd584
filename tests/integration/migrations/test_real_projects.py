"""Two real projects: Django's migrations make the database, and our models of theirs show no difference."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.migrations.laboratory import laboratory

# Oscar moved a table between apps and left an index behind; Wagtail sets a collation by raw SQL on PostgreSQL.
# Django knows as little of either as the models do.
LEFT_BEHIND = {"oscar": "customer_notification_date_sent", "wagtail": "ColumnState(name='path'"}


@pytest.mark.parametrize("project", ["oscar", "wagtail"])
async def test_models_of_a_real_project_are_its_tables(project: str, database_url: str, tmp_path: Path) -> None:
    if importlib.util.find_spec(project) is None:
        pytest.skip(f"install {project} (django-oscar, wagtail) to hold its models against its tables")
    async with laboratory(database_url, tmp_path):
        pass
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.integration.migrations.from_django", database_url, project],
        cwd=Path(__file__).parents[3], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    first, *lines = run.stdout.splitlines()
    assert first.endswith(f" models, {len(lines)} differences")
    assert len(lines) <= 2
    assert all(LEFT_BEHIND[project] in line for line in lines), run.stdout
