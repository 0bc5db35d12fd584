"""`covet migration create`: an empty, numbered migration to be written by hand."""

from __future__ import annotations

from pathlib import Path

from covet.database.migrations import files
from covet.database.migrations.project import Project

_EMPTY = '''\
from covet.database.migrations import Migration


class Migration(Migration):
    """{title}"""
{database}
    async def up(self):
        """Apply migration."""

    async def down(self):
        """Rollback migration."""
'''


def create(project: Project, title: str, *, app: str = "", database: str = "default") -> Path:
    """Write an empty migration with the next number.

    Args:
        project: the project.
        title: what it does; becomes its docstring and part of its name.
        app: the app it belongs to; the project's own folder unless given.
        database: the alias it is for.

    Returns:
        The file.
    """
    folder = project.folder(app)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{files.next_number(folder):04d}_{files.slug(title)}.py"
    sentence = title.replace("\\", "\\\\").replace('"', "'").rstrip(".") + "."
    line = "" if database == "default" else f"\n    database = {database!r}\n"
    path.write_text(_EMPTY.format(title=sentence, database=line), "utf-8")
    return path
