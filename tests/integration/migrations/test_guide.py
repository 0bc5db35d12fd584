"""The guide's chapter on database migrations, as it is written there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from covet.database.migrations import Migration as Base
from tests.integration.migrations.laboratory import laboratory

GUIDE = '''\
# migrations/0001_initial.py
from covet.database.migrations import Migration

class Migration(Migration):
    """Initial migration."""

    async def up(self):
        """Apply migration."""
        await self.create_table(
            'users',
            id='INTEGER PRIMARY KEY',
            username='VARCHAR(100) NOT NULL',
            email='VARCHAR(255) NOT NULL UNIQUE'
        )

    async def down(self):
        """Rollback migration."""
        await self.drop_table('users')
'''
MODELS = """\
from covet.database.orm import Model
from covet.database.orm.fields import CharField, EmailField


class User(Model):
    email = EmailField({email})
{more}
"""
SETTINGS = """\
from covet.database import DatabaseConfig

SECRET_KEY = "x" * 50
INSTALLED_APPS = ["app"]
DATABASE = DatabaseConfig(url={url!r})
"""


@pytest.fixture
def project(tmp_path: Path, database_url: str) -> Path:
    """A project with one model, on each database."""
    root = tmp_path / "project"
    (root / "config").mkdir(parents=True)
    (root / "app").mkdir()
    (root / "app" / "__init__.py").touch()
    (root / "config" / "settings.py").write_text(SETTINGS.format(url=database_url))
    (root / "app" / "models.py").write_text(MODELS.format(email="", more=""))
    return root


def covet(project: Path, *arguments: str, code: int = 0) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "NO_COLOR": "1", "COLUMNS": "200"}
    run = subprocess.run(
        [sys.executable, "-m", "covet_cli", "migration", *arguments],
        cwd=project, env=environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert run.returncode == code, run.stdout + run.stderr
    return run.stdout


async def clean(url: str, tmp_path: Path) -> None:
    async with laboratory(url, tmp_path):
        pass


async def test_commands_of_the_guide(project: Path, database_url: str, tmp_path: Path) -> None:
    """Promises 21, 22, 23 and 24: create, apply, list and auto print what the guide prints."""
    await clean(database_url, tmp_path)
    assert covet(project, "auto") == "Created migration: migrations/0001_initial.py\n- Create model: User\n"
    applied = covet(project, "apply")
    assert re.fullmatch(r"Applying 0001_initial \.\.\. OK \(\d+\.\d\d s\)\n", applied)
    assert covet(project, "apply") == "No migrations to apply.\n"

    (project / "app" / "models.py").write_text(
        MODELS.format(email="unique=True", more="    phone_number = CharField(max_length=20)")
    )
    assert covet(project, "auto", "Detected model changes") == (
        "Created migration: migrations/0002_auto_detected.py\n"
        "- Add field: User.phone_number\n"
        "- Modify field: User.email (added unique constraint)\n"
    )
    assert covet(project, "create", "Add user profile") == "Created migration: migrations/0003_add_user_profile.py\n"
    listed = covet(project, "list")
    assert re.fullmatch(
        r"\[X\] 0001_initial  \d{4}-\d\d-\d\d \d\d:\d\d\n\[ \] 0002_auto_detected\n\[ \] 0003_add_user_profile\n",
        listed,
    )
    assert covet(project, "list", "--check", code=1) == listed
    covet(project, "apply")
    assert covet(project, "auto") == "No changes detected.\n"
    assert covet(project, "rollback", "0001").count("Rolling back") == 2
    assert covet(project, "list").count("[X]") == 1


async def test_a_class_of_the_same_name_has_async_up_and_down(database_url: str, tmp_path: Path) -> None:
    """Promises 91 and 92: `class Migration(Migration)`, create_table and drop_table, on every database."""
    async with laboratory(database_url, tmp_path) as lab:
        lab.folder.mkdir()
        (lab.folder / "0001_initial.py").write_text(GUIDE)
        [file] = lab.project.files()
        assert issubclass(file.migration, Base)
        assert file.migration is not Base
        assert await lab.apply() == ["0001_initial"]
        await lab.run("INSERT INTO users (username, email) VALUES ('ann', 'a@example.org')")
        await lab.run("INSERT INTO users (username, email) VALUES ('bob', 'b@example.org')")
        assert await lab.rows("SELECT id, username FROM users ORDER BY id") == [(1, "ann"), (2, "bob")]
        assert await lab.rollback() == ["0001_initial"]
        assert "users" not in await lab.schema()
