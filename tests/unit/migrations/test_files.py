"""Finding, loading and numbering migration files; their order."""

from pathlib import Path

import pytest

from covet.database.migrations.files import BadMigrationFile, load, next_number, slug
from covet.database.migrations.graph import BadGraph, Graph
from covet.database.migrations.migration import Irreversible

BODY = "from covet.database.migrations import Migration\n\n\nclass Migration(Migration):\n    {}\n"


def put(folder: Path, name: str, line: str = "pass") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.py").write_text(BODY.format(line))


def test_the_class_of_the_file_is_taken_not_its_base(tmp_path: Path) -> None:
    """T41: `class Migration(Migration)` is legal."""
    put(tmp_path, "0001_a")
    [file] = load({"": tmp_path})
    assert file.migration.__module__.endswith("0001_a")


def test_files_of_django_and_of_others_are_left_alone(tmp_path: Path) -> None:
    put(tmp_path, "0002_b")
    (tmp_path / "0001_initial.py").write_text("from django.db import migrations\nraise SystemExit\n")
    (tmp_path / "notes.py").write_text("raise SystemExit\n")
    assert [each.name for each in load({"": tmp_path})] == ["0002_b"]
    assert next_number(tmp_path) == 3


def test_broken_files_name_their_line(tmp_path: Path) -> None:
    (tmp_path / "0001_a.py").write_text("from covet.database.migrations import (\n")
    with pytest.raises(BadMigrationFile, match=r"0001_a\.py:1"):
        load({"": tmp_path})


def test_file_without_a_migration(tmp_path: Path) -> None:
    (tmp_path / "0001_a.py").write_text("from covet.database.migrations import Migration\n")
    with pytest.raises(BadMigrationFile, match="defines no migration"):
        load({"": tmp_path})


def test_same_number_twice(tmp_path: Path) -> None:
    put(tmp_path, "0001_a")
    put(tmp_path, "0001_b")
    with pytest.raises(BadMigrationFile, match=r"0001_b\.py and 0001_a\.py have the same number"):
        load({"": tmp_path})
    put(tmp_path, "0001_b", "dependencies = ['0001_a']")
    assert [each.name for each in Graph(load({"": tmp_path})).order] == ["0001_a", "0001_b"]


def test_checksum_ignores_comments_and_spacing(tmp_path: Path) -> None:
    put(tmp_path, "0001_a")
    before = load({"": tmp_path})[0].checksum
    path = tmp_path / "0001_a.py"
    path.write_text("# why\n\n" + path.read_text() + "\n\n")
    assert load({"": tmp_path})[0].checksum == before
    path.write_text(path.read_text().replace("pass", "atomic = False"))
    assert load({"": tmp_path})[0].checksum != before


def test_slug() -> None:
    assert slug("Add user profile!") == "add_user_profile"
    assert slug("é") == "migration"


def test_circle_is_named(tmp_path: Path) -> None:
    put(tmp_path / "a", "0001_x", "dependencies = [('b', '0001_y')]")
    put(tmp_path / "b", "0001_y", "dependencies = [('a', '0001_x')]")
    with pytest.raises(BadGraph, match="wait for each other in a circle: "):
        Graph(load({"a": tmp_path / "a", "b": tmp_path / "b"}))


def test_run_before_and_special_names(tmp_path: Path) -> None:
    put(tmp_path / "a", "0001_x", "run_before = [('b', '0001_y')]")
    put(tmp_path / "b", "0001_y")
    put(tmp_path / "c", "0001_z", "dependencies = [('b', '__latest__')]")
    order = Graph(load({label: tmp_path / label for label in "cba"})).order
    assert [each.app for each in order] == ["a", "b", "c"]


def test_find_takes_a_beginning_and_names_the_choices(tmp_path: Path) -> None:
    put(tmp_path, "0001_first")
    put(tmp_path, "0002_second")
    graph = Graph(load({"": tmp_path}))
    assert graph.find("0002") == ("", "0002_second")
    with pytest.raises(BadGraph, match="There is no migration '0003'; choose one of: 0001_first, 0002_second"):
        graph.find("0003")
    with pytest.raises(BadGraph, match="'000' names several migrations"):
        graph.find("000")


def test_squashed_stands_aside_until_all_or_none_are_applied(tmp_path: Path) -> None:
    put(tmp_path, "0001_a")
    put(tmp_path, "0002_b")
    put(tmp_path, "0002_all", "replaces = ['0001_a', '0002_b']")
    files = load({"": tmp_path})
    assert [each.name for each in Graph(files).pending()] == ["0002_all"]
    assert [each.name for each in Graph(files, {("", "0001_a")}).pending()] == ["0002_b"]
    assert Graph(files, {("", "0001_a"), ("", "0002_b")}).pending() == []


async def test_migration_without_down_is_irreversible(tmp_path: Path) -> None:
    put(tmp_path, "0001_a")
    [file] = load({"": tmp_path})
    with pytest.raises(Irreversible, match=r"has no down\(\)"):
        await file.migration(None).down()  # type: ignore[arg-type]
