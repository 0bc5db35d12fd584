"""A column is renamed, or gets another type, while two releases use it: expand, backfill, contract, and back."""

from pathlib import Path
from typing import Any

import pytest

from covet.database.migrations import differences
from covet.database.migrations.commands import guarding
from covet.database.migrations.guard.twins import CannotSplit
from covet.database.migrations.twins.base import NoTwin
from covet.database.orm import Index
from covet.database.orm.constraints import CheckConstraint
from covet.database.orm.fields import CharField, IntegerField
from covet.database.orm.query import Q
from covet.database.orm.relationships import ForeignKey
from covet.exceptions import IntegrityError
from tests.integration.migrations.laboratory import Laboratory, laboratory, make_models
from tests.integration.migrations.test_faults import write


def library(title: str, author: str) -> list[type]:
    return make_models(
        Author={"name": CharField(max_length=9)},
        Book={
            title: CharField(max_length=30, db_index=True, db_comment="what it is called"),
            author: ForeignKey("Author", "CASCADE", related_name="+"),
            "isbn": CharField(max_length=30, unique=True),
            "size": IntegerField(null=True),
            "Meta": {
                "unique_together": [(title, "size")],
                "indexes": [Index(fields=["size", f"-{title}"], name="by_size")],
                "constraints": [CheckConstraint(condition=~Q(**{title: ""}), name="has_title")],
            },
        },
    )


async def split(lab: Laboratory) -> list[str]:
    """The pending unsafe migration in three files."""
    found = await guarding.guard(lab.project)
    await guarding.rewritable(lab.project, found)
    return [path.stem for guarded in found for path in guarding.rewrite(guarded)]


async def books(lab: Laboratory, columns: str) -> list[tuple[Any, ...]]:
    return await lab.rows(f"SELECT {columns} FROM lab_book ORDER BY id")


async def test_renamed_column_serves_both_releases_and_goes_back(database_url: str, tmp_path: Path) -> None:
    async with laboratory(database_url, tmp_path) as lab:
        await lab.auto(library("name", "author"))
        await lab.apply()
        before = (await lab.schema())["lab_book"]
        await lab.run(
            "INSERT INTO lab_author (name) VALUES ('a'), ('b')",
            "INSERT INTO lab_book (name, author_id, isbn, size) VALUES ('x', 1, 'i1', 1), ('y', 2, 'i2', NULL)",
        )
        answers = ["Book.name:title", "Book.author_id:writer_id"]
        await lab.auto(library("title", "writer"), "Names", renames=answers)
        names = await split(lab)
        assert names == ["0002_names_expand", "0003_names_backfill", "0004_names_contract"]
        assert (await lab.auto(library("title", "writer"), dry_run=True)).notes == []
        assert await lab.apply("0003") == names[:2]
        both = "name, title, author_id, writer_id"
        await lab.run(
            "INSERT INTO lab_book (name, author_id, isbn) VALUES ('old', 1, 'i3')",
            "INSERT INTO lab_book (title, writer_id, isbn) VALUES ('new', 2, 'i4')",
            "UPDATE lab_book SET name = 'x2' WHERE isbn = 'i1'",
            "UPDATE lab_book SET title = 'y2', writer_id = 1 WHERE isbn = 'i2'",
        )
        rows = [("x2", 1), ("y2", 1), ("old", 1), ("new", 2)]
        assert await books(lab, both) == [(name, name, key, key) for name, key in rows]
        assert await lab.apply() == names[2:]
        assert await books(lab, "title, writer_id") == rows
        assert (await lab.auto(library("title", "writer"), dry_run=True)).notes == []
        assert set((await lab.schema())["lab_book"].columns) == {"id", "title", "writer_id", "isbn", "size"}
        with pytest.raises(IntegrityError):
            await lab.run("INSERT INTO lab_book (title, writer_id, isbn) VALUES ('', 1, 'i5')")
        with pytest.raises(IntegrityError):
            await lab.run("INSERT INTO lab_book (writer_id, isbn, title) VALUES (1, 'i5', NULL)")
        # The contract is rolled back: both names are there again, and the release before can be started.
        assert await lab.rollback() == names[2:]
        await lab.run("INSERT INTO lab_book (name, author_id, isbn) VALUES ('late', 2, 'i6')")
        await lab.run("UPDATE lab_book SET title = 'x3' WHERE isbn = 'i1'")
        rows = [("x3", 1), *rows[1:], ("late", 2)]
        assert await books(lab, both) == [(name, name, key, key) for name, key in rows]
        assert await lab.apply() == names[2:]
        assert (await lab.auto(library("title", "writer"), dry_run=True)).notes == []
        assert await lab.rollback("0001") == [*reversed(names)]
        assert await books(lab, "name, author_id") == rows
        assert list(differences.table_changes((await lab.schema())["lab_book"], before)) == []
        assert (await lab.schema())["lab_book"].columns.keys() == before.columns.keys()


@pytest.mark.parametrize(
    ("old", "new"), [("INTEGER", "BIGINT"), ("VARCHAR(30)", "VARCHAR(5)"), ("NUMERIC(5, 2)", "NUMERIC(9, 3)")]
)
async def test_retyped_column_serves_both_releases_and_goes_back(
    old: str, new: str, database_url: str, tmp_path: Path
) -> None:
    async with laboratory(database_url, tmp_path) as lab:
        check = "n <> \\'5\\'" if old.startswith("VARCHAR") else "n <> 5"
        columns = f"id='INTEGER PRIMARY KEY', n='{old} NOT NULL DEFAULT 7', o='INTEGER'"
        create = f"await self.create_table('it', 'CHECK ({check})', {columns})"
        write(lab, "0001_old", f"{create}\nawait self.create_index('it_n', 'it', ['n'])")
        await lab.apply()
        before = (await lab.schema())["it"]
        await lab.run("INSERT INTO it (n) VALUES (1), (2)")
        await lab.run("INSERT INTO it (o) VALUES (3)")
        change = "await self.alter_column('it', 'n', type={!r})"
        write(lab, "0002_n", change.format(new), down=change.format(old))
        [guarded] = await guarding.guard(lab.project)
        assert [each.code for each in guarded.unsafe] == ["MG106"]
        names = await split(lab)
        assert await lab.apply("0003") == names[:2]
        await lab.run("INSERT INTO it (n) VALUES (4)", "UPDATE it SET n = 8 WHERE id = 1")
        await lab.run("INSERT INTO it (o) VALUES (6)")
        assert await lab.apply() == names[2:]
        values = [int(row[0]) for row in await lab.rows("SELECT n FROM it ORDER BY id")]
        assert values == [8, 2, 7, 4, 7]
        after = (await lab.schema())["it"]
        # Decimals have no digits in SQLite.
        assert after.columns["n"].type != before.columns["n"].type or after.columns["n"].type == "decimal"
        assert (after.columns["n"].nullable, after.columns["n"].default is None) == (False, False)
        assert [each.name for each in after.indexes] == ["it_n"]
        with pytest.raises(IntegrityError):
            await lab.run("INSERT INTO it (n) VALUES (5)")
        assert await lab.rollback() == names[2:]
        assert await lab.apply() == names[2:]
        assert await lab.rollback("0001") == [*reversed(names)]
        assert list(differences.table_changes((await lab.schema())["it"], before)) == []
        assert set((await lab.schema())["it"].columns) == {"id", "n", "o"}


@pytest.mark.parametrize(
    "database_url",
    [pytest.param("postgresql", marks=pytest.mark.postgresql), pytest.param("mysql", marks=pytest.mark.mysql)],
    indirect=True,
)
async def test_value_that_does_not_fit_stops_before_anything_is_lost(database_url: str, tmp_path: Path) -> None:
    async with laboratory(database_url, tmp_path) as lab:
        write(lab, "0001_old", "await self.create_table('it', id='INTEGER PRIMARY KEY', n='VARCHAR(30)')")
        await lab.apply()
        await lab.run("INSERT INTO it (n) VALUES ('short')")
        change = "await self.alter_column('it', 'n', type='VARCHAR({})')"
        write(lab, "0002_n", change.format(5), down=change.format(30))
        await split(lab)
        await lab.apply("0003")
        # The release before knows of no limit, and is not refused.
        await lab.run("INSERT INTO it (n) VALUES ('far too long')")
        with pytest.raises(IntegrityError, match="do not fit its type"):
            await lab.apply()
        await lab.run("UPDATE it SET n = 'fits' WHERE n = 'far too long'")
        assert await lab.apply() == ["0004_n_contract"]
        assert await lab.rows("SELECT n FROM it ORDER BY id") == [("short",), ("fits",)]


REFUSED = [
    ("await self.rename_table('it', 'that')", "a table has one name: keep it with Meta.db_table"),
    ("await self.alter_column('it', 'n', type='TEXT')", "a release that reads INTEGER does not understand TEXT"),
    ("await self.alter_column('it', 'm', type='BIGINT')", "down() does not say the old type"),
    (
        "await self.rename_column('it', 'n', 'o')\nawait self.add_unique('it', ['o'])",
        "it follows a change of n, o: put it into a migration behind",
    ),
]


@pytest.mark.parametrize(("up", "reason"), REFUSED, ids=[each[1][:20] for each in REFUSED])
async def test_what_cannot_be_split_is_left_as_it_is(up: str, reason: str, sqlite_url: str, tmp_path: Path) -> None:
    async with laboratory(sqlite_url, tmp_path) as lab:
        write(lab, "0001_old", "await self.create_table('it', id='INTEGER PRIMARY KEY', n='INTEGER', m='INTEGER')")
        await lab.apply()
        path = write(lab, "0002_n", up, down="await self.alter_column('it', 'n', type='INTEGER')")
        text = path.read_text()
        with pytest.raises(CannotSplit) as caught:
            await split(lab)
        assert reason in str(caught.value)
        assert [each.name for each in sorted(lab.folder.glob("*.py"))] == ["0001_old.py", "0002_n.py"]
        assert path.read_text() == text


async def test_column_that_cannot_have_a_twin_is_refused_before_files_are_written(
    database_url: str, tmp_path: Path
) -> None:
    async with laboratory(database_url, tmp_path) as lab:
        write(lab, "0001_old", "await self.create_table('it', id='INTEGER PRIMARY KEY', n='INTEGER')")
        await lab.apply()
        write(lab, "0002_n", "await self.rename_column('it', 'id', 'number')")
        with pytest.raises(NoTwin, match=r"it\.id cannot be changed beside two releases: it is the primary key"):
            await split(lab)
        assert (lab.folder / "0002_n.py").exists()


async def test_applied_migration_is_not_rewritten(sqlite_url: str, tmp_path: Path) -> None:
    async with laboratory(sqlite_url, tmp_path) as lab:
        write(lab, "0001_old", "await self.create_table('it', id='INTEGER PRIMARY KEY', n='INTEGER')")
        write(lab, "0002_n", "await self.rename_column('it', 'n', 'o')")
        await lab.apply()
        found = await guarding.guard(lab.project, ["0002"])
        with pytest.raises(guarding.IsApplied, match="0002_n: applied \\(or begun\\) on 'default'"):
            await guarding.rewritable(lab.project, found)
