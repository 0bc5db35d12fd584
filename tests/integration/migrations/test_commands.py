"""sql, show, graph, squash, check, rename questions, several apps and several databases."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from covet.database.config import DatabaseConfig
from covet.database.connections import connections
from covet.database.connections.registry import make_adapter
from covet.database.migrations import differences
from covet.database.migrations.commands import applying, detecting, guarding, inspecting, showing, squashing
from covet.database.migrations.commands.detecting import NotUpToDate
from covet.database.migrations.commands.squashing import CannotSquash
from covet.database.migrations.files import BadMigrationFile
from covet.database.migrations.filling import NeedsDefault
from covet.database.migrations.graph import BadGraph
from covet.database.migrations.project import Project
from covet.database.migrations.renames import UnknownRename
from covet.database.migrations.session import open_session
from covet.database.orm.contenttypes import ContentType
from covet.database.orm.fields import CharField, DecimalField, IntegerField, PositiveIntegerField
from covet.database.orm.registry import Apps, apps
from covet.database.orm.relationships import ForeignKey, ManyToManyField
from covet.database.orm.signals import post_migrate, pre_migrate
from covet.exceptions import DataError
from covet_cli.commands.migration.project import unhurried
from tests.integration.migrations.laboratory import Laboratory, laboratory, make_models
from tests.integration.migrations.test_faults import write


def book(**fields: object) -> list[type]:
    return make_models(Book={"title": CharField(max_length=30), **fields})


async def history(lab: Laboratory) -> None:
    """Three migrations, the last one pending."""
    await lab.auto(book())
    await lab.apply()
    await lab.auto(book(pages=IntegerField(default=1)), "Pages")
    await lab.apply()
    await lab.auto(book(pages=IntegerField(default=1, db_index=True)), "Index")


async def test_sql_is_shown_and_nothing_changes(database_url: str, tmp_path: Path) -> None:
    async with laboratory(database_url, tmp_path) as lab:
        await history(lab)
        before = await lab.schema()
        [(file, statements)] = await showing.sql(lab.project)
        assert file.name == "0003_index"
        assert statements[0].startswith("CREATE INDEX ")
        [(_, statements)] = await showing.sql(lab.project, ["0001"])
        assert statements[0].startswith("CREATE TABLE ")
        assert await lab.schema() == before


async def test_show_and_graph(database_url: str, tmp_path: Path) -> None:
    async with laboratory(database_url, tmp_path) as lab:
        await history(lab)
        shown = await showing.show(lab.project, "0002")
        assert [call.name for call in shown.calls] == ["add_column"]
        assert shown.waits == ["0001_initial"]
        assert shown.status.is_applied
        text = await showing.graph(lab.project, database="default")
        assert text == "● 0001_initial\n● 0002_pages\n○ 0003_index"
        assert (await showing.graph(lab.project, as_svg=True)).startswith("<svg ")


async def test_receivers_are_told_before_and_after_with_the_plan(database_url: str, tmp_path: Path) -> None:
    told: list[tuple[object, ...]] = []

    def before(sender: object, app_config: object, using: str, plan: list[tuple[Any, bool]], **named: Any) -> None:
        assert (sender, named["verbosity"], named["interactive"]) == (app_config, 1, False)
        steps = [(each.app_label, each.name, backwards) for each, backwards in plan]
        told.append(("before", app_config.label, using, steps))  # type: ignore[attr-defined]

    async def after(sender: object, using: str, plan: list[tuple[Any, bool]], **named: Any) -> None:
        assert named["apps"] is apps
        told.append(("after", sender, using, len(plan)))

    config = apps.get_app_config(ContentType._meta.app_label)
    async with laboratory(database_url, tmp_path) as lab:
        await lab.auto(book())
        pre_migrate.connect(before, sender=config)
        post_migrate.connect(after, sender=config)
        try:
            await lab.apply()
            await lab.apply()
            await lab.rollback()
        finally:
            pre_migrate.disconnect(before, sender=config)
            post_migrate.disconnect(after, sender=config)
    assert told == [
        ("before", "contenttypes", "default", [("", "0001_initial", False)]),
        ("after", config, "default", 1),
        ("before", "contenttypes", "default", []),
        ("after", config, "default", 0),
        ("before", "contenttypes", "default", [("", "0001_initial", True)]),
        ("after", config, "default", 1),
    ]


async def test_squashed_migration_replaces_its_parts(database_url: str, tmp_path: Path) -> None:
    async with laboratory(database_url, tmp_path) as lab:
        await history(lab)
        await lab.apply()
        models = book(pages=IntegerField(default=1, db_index=True))
        path = await squashing.squash(lab.project, models)
        assert path.name == "0003_squashed.py"
        assert await lab.apply() == []
        assert [(each.title, each.is_applied) for each in await lab.project.runner().status()] == [
            ("0003_squashed", True)
        ]
        for name in ("0001_initial", "0002_pages", "0003_index"):
            (lab.folder / f"{name}.py").unlink()
        assert (await lab.auto(models)).notes == []
        await lab.clean()
        assert await lab.apply() == ["0003_squashed"]
        assert (await lab.auto(models)).notes == []


async def test_squash_refuses_to_lose_data_steps(sqlite_url: str, tmp_path: Path) -> None:
    async with laboratory(sqlite_url, tmp_path) as lab:
        await history(lab)
        write(lab, "0004_data", "await self.execute('UPDATE lab_book SET pages = 2')")
        with pytest.raises(CannotSquash, match="0004_data:9 execute"):
            await squashing.squash(lab.project, book())


async def test_what_looks_like_a_rename_is_asked_about(database_url: str, tmp_path: Path) -> None:
    async with laboratory(database_url, tmp_path) as lab:
        await lab.auto(book(pages=IntegerField(default=1)))
        await lab.apply()
        asked: list[str] = []
        renamed = book(sheets=IntegerField(default=1))

        def yes(question: str) -> bool:
            asked.append(question)
            return True

        found = await lab.auto(renamed, dry_run=True, ask_rename=yes)
        assert asked == ["Was lab_book.pages renamed to lab_book.sheets?"]
        assert found.notes == ["Rename field: Book.pages to sheets"]
        silent = await lab.auto(renamed, dry_run=True)
        assert silent.notes == ["Add field: Book.sheets", "Remove field: Book.pages"]
        assert silent.hints == ["lab_book.pages:sheets"]
        with pytest.raises(UnknownRename, match=r"No column of lab_book 'page' has gone; choose one of: pages"):
            await lab.auto(renamed, renames=["Book.page:sheets"])


async def test_changes_behind_pending_migrations_are_found(database_url: str, tmp_path: Path) -> None:
    def writers(**fields: object) -> list[type]:
        return make_models(
            Writer={"name": CharField(max_length=9, unique=True), **fields},
            Book={"writer": ForeignKey("Writer", "CASCADE"), "readers": ManyToManyField("Writer", related_name="+")},
        )

    async with laboratory(database_url, tmp_path) as lab:
        await lab.run("CREATE TABLE foreigner (id integer)")
        await lab.auto(writers())
        assert (await lab.auto(writers())).notes == []
        found = await lab.auto(writers(age=IntegerField(db_index=True)), "Age")
        assert found.notes == ["Add field: Writer.age"]
        assert (await lab.auto(writers(age=IntegerField(db_index=True)))).notes == []
        found = await lab.auto(writers(years=IntegerField(db_index=True)), "Years", renames=["Writer.age:years"])
        assert found.notes == ["Rename field: Writer.age to years"]
        found = await lab.auto(book(), "Drop")
        assert "Delete model: lab_writer" in found.notes
        assert (await lab.auto(book())).notes == []
        (lab.folder / "0004_drop.py").unlink()
        assert await lab.apply() == ["0001_initial", "0002_age", "0003_years"]
        assert (await lab.auto(writers(years=IntegerField(db_index=True)))).notes == []
        assert await lab.rollback("0001") == ["0003_years", "0002_age"]
        assert (await lab.auto(writers(years=IntegerField(db_index=True)))).notes == []


async def test_pending_migrations_of_strange_tables_have_to_be_applied(database_url: str, tmp_path: Path) -> None:
    async with laboratory(database_url, tmp_path) as lab:
        await lab.run("CREATE TABLE foreigner (id integer)")
        write(lab, "0001_more", "await self.add_column('foreigner', 'age', 'INTEGER')")
        with pytest.raises(NotUpToDate, match=r"0001_more. It changes tables .* foreigner"):
            await lab.auto(book())


async def test_missing_values_are_asked_for(database_url: str, tmp_path: Path) -> None:
    async with laboratory(database_url, tmp_path) as lab:
        await lab.auto(book())
        await lab.apply()
        await lab.insert("lab_book")
        with pytest.raises(NeedsDefault, match=r"--fill Book\.pages=VALUE"):
            await lab.auto(book(pages=IntegerField()))
        asked: list[str] = []

        def value(name: str) -> int:
            asked.append(name)
            return 12

        await lab.auto(book(pages=IntegerField()), ask_fill=value)
        await lab.apply()
        assert asked == ["Book.pages"]
        assert await lab.rows("SELECT pages FROM lab_book") == [(12,)]


async def test_apps_wait_for_each_other(database_url: str, tmp_path: Path) -> None:
    async with laboratory(database_url, tmp_path) as lab:
        folders = {"": lab.folder, "shop": tmp_path / "shop", "auth": tmp_path / "auth"}
        for folder in folders.values():
            folder.mkdir()
        project = replace(lab.project, folders=folders)
        head = "from covet.database.migrations import Migration\n\n\nclass Migration(Migration):\n"
        step = (
            "    async def up(self):\n        await self.create_table({!r}, id='INTEGER PRIMARY KEY')\n"
            "    async def down(self):\n        await self.drop_table({!r})\n"
        )
        (folders["shop"] / "0001_first.py").write_text(
            head + "    dependencies = [('auth', '0002_b')]\n" + step.format("one", "one")
        )
        (folders["auth"] / "0001_a.py").write_text(head + step.format("two", "two"))
        (folders["auth"] / "0002_b.py").write_text(head + step.format("three", "three"))
        (folders["auth"] / "0003_django.py").write_text("from django.db import migrations\nraise SystemExit\n")
        done = await applying.apply(project)
        assert [each.file.title for each in done["default"]] == ["auth/0001_a", "auth/0002_b", "shop/0001_first"]
        undone = await applying.rollback(project, "0001_a", app="auth")
        assert [each.file.title for each in undone] == ["shop/0001_first", "auth/0002_b"]
        done = await applying.apply(project, app="auth")
        assert [each.file.title for each in done["default"]] == ["auth/0002_b"]
        (folders["shop"] / "0002_bad.py").write_text(
            head + "    dependencies = [('auth', '0009_x')]\n" + step.format("x", "x")
        )
        with pytest.raises(BadGraph, match="auth/0009_x, which does not exist; choose one of: 0002_b, 0001_a"):
            await applying.apply(project)


async def test_each_database_gets_its_own_migrations(tmp_path: Path) -> None:
    adapters = {
        alias: make_adapter(DatabaseConfig(url=f"sqlite:///{tmp_path / alias}.db"), alias)
        for alias in ("default", "logs")
    }
    project = Project(tmp_path, {"": tmp_path / "migrations"}, adapters.__getitem__, tuple(adapters))
    first = await detecting.auto(project, book())
    second = await detecting.auto(
        project, make_models(Line={"text": CharField(max_length=9)}), "Lines", database="logs"
    )
    assert first.path is not None
    assert second.path is not None
    assert "database = 'logs'" in second.source
    done = await applying.apply(project)
    assert {alias: [each.file.name for each in files] for alias, files in done.items()} == {
        "default": ["0001_initial"],
        "logs": ["0002_lines"],
    }
    for adapter in adapters.values():
        await adapter.close()


async def test_guard_names_silences_and_exempts(sqlite_url: str, tmp_path: Path) -> None:
    async with laboratory(sqlite_url, tmp_path) as lab:
        write(
            lab,
            "0001_all",
            """
await self.create_table('fresh', id='INTEGER PRIMARY KEY')
await self.create_index('fresh_ix', 'fresh', ['id'])
await self.add_column('old', 'a', 'INTEGER NOT NULL')
await self.add_column('old', 'b', 'INTEGER NOT NULL DEFAULT 1')
await self.add_column('old', 'c', 'UUID DEFAULT gen_random_uuid()')
await self.drop_column('old', 'd')  # covet: unsafe-ok nobody reads it since May
await self.drop_column('old', 'e')
await self.rename_column('old', 'f', 'g')
await self.alter_column('old', 'h', type='BIGINT')
await self.alter_column('old', 'h', type='TEXT')
await self.alter_column('old', 'i', nullable=False)
await self.alter_column('old', 'i', nullable=True)
await self.create_index('ix', 'old', ['a'])
await self.add_unique('old', ['a'])
await self.add_foreign_key('old', ['a'], 'other', ['id'])
await self.add_constraint('old', 'ck', 'CHECK (a > 1)')
await self.add_constraint('old', 'cl', 'CHECK (a > 1)', validate=False)
await self.drop_table('older')
""",
        )
        [guarded] = await guarding.guard(lab.project)
        assert [(each.code, each.call.name) for each in guarded.unsafe] == [
            ("MG102", "add_column"),
            ("MG101", "add_column"),
            ("MG103", "drop_column"),
            ("MG105", "rename_column"),
            ("MG106", "alter_column"),
            ("MG107", "alter_column"),
            ("MG108", "create_index"),
            ("MG110", "add_unique"),
            ("MG111", "add_foreign_key"),
            ("MG112", "add_constraint"),
            ("MG104", "drop_table"),
        ]


SPLIT = """
await self.add_column('old', 'a', 'VARCHAR(9) NOT NULL', fill="it's")
await self.add_column('old', 'b', {'default': 'INTEGER NOT NULL', 'sqlite': 'integer NOT NULL'}, fill=3)
await self.add_column('old', 'c', 'INTEGER NOT NULL')
await self.add_column('old', 'd', 'BOOLEAN NOT NULL', fill=True)
await self.alter_column('old', 'n', nullable=False, fill=4)
await self.create_index('old_n', 'old', ['n'])
await self.add_unique('old', ['id', 'n'])
await self.add_constraint('old', 'old_check', 'CHECK (n >= 0)')
"""


async def test_split_migration_makes_what_the_whole_one_makes(database_url: str, tmp_path: Path) -> None:
    table = "CREATE TABLE old (id integer PRIMARY KEY, n integer)"
    async with laboratory(database_url, tmp_path / "whole") as lab:
        lab.folder.mkdir(parents=True)
        await lab.run(table)
        write(lab, "0001_all", SPLIT)
        await lab.apply()
        whole = (await lab.schema())["old"]
    async with laboratory(database_url, tmp_path / "split") as lab:
        lab.folder.mkdir(parents=True)
        await lab.run(table, "INSERT INTO old VALUES (1, NULL), (2, 5)")
        write(lab, "0001_all", SPLIT)
        [guarded] = await guarding.guard(lab.project)
        names = [path.stem for path in guarding.rewrite(guarded)]
        assert names == ["0001_all_expand", "0002_all_backfill", "0003_all_contract"]
        assert await lab.apply("0002") == names[:2]
        # The release before knows nothing of the new columns.
        await lab.run("INSERT INTO old (id, n) VALUES (3, 6)", "UPDATE old SET c = 1")
        assert await guarding.guard(lab.project) == []
        assert await lab.apply() == names[2:]
        split = (await lab.schema())["old"]
        assert split.columns == whole.columns
        assert list(differences.table_changes(split, whole)) == []
        assert await lab.rows("SELECT id, n, a, b FROM old ORDER BY id") == [
            (1, 4, "it's", 3), (2, 5, "it's", 3), (3, 6, "it's", 3)
        ]  # fmt: skip
        assert await lab.rollback("0001") == [*reversed(names[1:])]
        await lab.run("INSERT INTO old (id, n) VALUES (4, 7)")
        assert await lab.rollback() == names[:1]
        assert set((await lab.schema())["old"].columns) == {"id", "n"}


async def test_split_migration_goes_back_in_the_order_of_its_way_back(database_url: str, tmp_path: Path) -> None:
    async with laboratory(database_url, tmp_path) as lab:
        await lab.run("CREATE TABLE old (id integer PRIMARY KEY, flag integer)", "INSERT INTO old VALUES (1, NULL)")
        write(
            lab,
            "0001_all",
            """
await self.add_column('old', 'n', 'INTEGER NOT NULL', fill=7)
await self.add_unique('old', ['n'])
await self.create_index('old_n', 'old', ['n', 'id'])
await self.alter_column('old', 'flag', nullable=False, fill=1, default='1')
""",
            down="""await self.alter_column('old', 'flag', nullable=True, default=None)
        await self.drop_index('old_n', 'old')
        await self.drop_unique('old', ['n'])
        await self.drop_column('old', 'n')""",
        )
        [guarded] = await guarding.guard(lab.project)
        guarding.rewrite(guarded)
        before = (await lab.schema())["old"]
        for _ in range(2):
            await lab.apply()
            after = (await lab.schema())["old"].columns
            assert (after["flag"].nullable, str(after["flag"].default)) == (False, "1")
            await lab.rollback("zero")
            assert list(differences.table_changes((await lab.schema())["old"], before)) == []
            assert set((await lab.schema())["old"].columns) == {"id", "flag"}


async def test_default_by_database_and_check_beside_comment(database_url: str, tmp_path: Path) -> None:
    def priced(**options: Any) -> list[type]:
        return book(price=DecimalField(max_digits=5, decimal_places=2, null=True, **options))

    async with laboratory(database_url, tmp_path) as lab:
        await lab.auto(priced())
        await lab.apply()
        count = PositiveIntegerField(db_comment="how many", default=1)
        models = book(price=DecimalField(max_digits=5, decimal_places=2, null=True, db_default=Decimal(3)), count=count)
        await lab.auto(models)
        await lab.apply()
        assert (await lab.auto(models, dry_run=True)).notes == []
        await lab.rollback()
        (lab.folder / "0002_auto_detected.py").unlink()
        assert (await lab.auto(priced(), dry_run=True)).notes == []


async def test_backfill_goes_by_the_primary_key_whatever_its_name(database_url: str, tmp_path: Path) -> None:
    async with laboratory(database_url, tmp_path) as lab:
        await lab.run("CREATE TABLE old (number integer PRIMARY KEY, n integer)")
        await lab.run("INSERT INTO old VALUES (1, NULL), (5, NULL), (9, 3)")
        write(lab, "0001_fill", """await self.backfill('old', {'n': '7'}, where='"n" IS NULL', batch=1)""")
        await lab.apply()
        assert await lab.rows("SELECT n FROM old ORDER BY number") == [(7,), (7,), (3,)]


async def test_expression_as_default_comes_back(sqlite_url: str, tmp_path: Path) -> None:
    async with laboratory(sqlite_url, tmp_path) as lab:
        await lab.run("CREATE TABLE lab_book (id integer PRIMARY KEY AUTOINCREMENT, title varchar(30) NOT NULL, "
                      "n integer DEFAULT (abs(-7)))")  # fmt: skip
        await lab.auto(book())
        await lab.apply()
        await lab.rollback()
        assert (await lab.schema())["lab_book"].columns["n"].default == "abs ( - 7 )"


@pytest.mark.parametrize(
    ("old", "value"), [("VARCHAR(30)", "'far too long'"), ("INTEGER", "1234567")], ids=["text", "number"]
)
async def test_shorter_text_refuses_what_it_would_cut(
    old: str, value: str, postgresql_url: str, tmp_path: Path
) -> None:
    async with laboratory(postgresql_url, tmp_path) as lab:
        write(lab, "0001_it", f"await self.create_table('it', id='INTEGER PRIMARY KEY', n='{old}')")
        await lab.apply()
        await lab.run(f"INSERT INTO it (n) VALUES ({value})")
        write(lab, "0002_n", "await self.alter_column('it', 'n', type='VARCHAR(5)', default=None)")
        with pytest.raises(DataError, match="value too long"):
            await lab.apply()
        assert str((await lab.rows("SELECT n FROM it"))[0][0]) == value.strip("'")


@pytest.mark.parametrize(
    ("up", "message"),
    [
        ("self.drop_table('it')", "0001_it.py:9: self.drop_table(...) is not awaited, so it would never run"),
        ("await self.drop_tabel('it')", "0001_it.py:9: there is no operation 'drop_tabel'; choose one of: drop_table"),
    ],
)
async def test_call_that_would_do_nothing_is_refused(up: str, message: str, sqlite_url: str, tmp_path: Path) -> None:
    async with laboratory(sqlite_url, tmp_path) as lab:
        write(lab, "0001_it", up)
        with pytest.raises(BadMigrationFile) as caught:
            await lab.apply()
        assert message in str(caught.value)


async def test_relation_is_renamed_by_its_field_and_a_table_between_may_become_a_model(
    database_url: str, tmp_path: Path
) -> None:
    def models(author: str, between: bool) -> list[type]:
        link = {
            "book": ForeignKey("Book", "CASCADE"),
            "tag": ForeignKey("Tag", "CASCADE"),
            "w": IntegerField(default=1),
        }
        tags = ManyToManyField("Tag", through="Link") if between else ManyToManyField("Tag")
        return make_models(
            Tag={"name": CharField(max_length=9)},
            **({"Link": link} if between else {}),
            Book={author: ForeignKey("Tag", "CASCADE", null=True, related_name="+"), "tags": tags},
        )

    async with laboratory(database_url, tmp_path) as lab:
        await lab.auto(models("author", between=False))
        await lab.apply()
        await lab.run("INSERT INTO lab_tag (name) VALUES ('t')", "INSERT INTO lab_book (author_id) VALUES (1)")
        await lab.run("INSERT INTO lab_book_tags (book_id, tag_id) VALUES (1, 1)")
        unasked = await lab.auto(models("writer", between=True), dry_run=True)
        assert set(unasked.hints) == {"lab_book_tags:lab_link", "lab_book.author_id:writer_id"}
        answers = ["Book.author:writer", "lab_book_tags:lab_link"]
        await lab.auto(models("writer", between=True), renames=answers)
        await lab.apply()
        assert await lab.rows("SELECT book_id, tag_id, w FROM lab_link") == [(1, 1, 1)]
        assert await lab.rows("SELECT writer_id FROM lab_book") == [(1,)]
        assert (await lab.auto(models("writer", between=True), dry_run=True)).notes == []


WITH_FUNCTION = """\
from covet.database.migrations import Migration


async def count(apps):
    await apps.table('old').objects.all().aupdate(n=1)


class Migration(Migration):
    dependencies = ['0001_old']

    async def up(self):
        await self.add_column('old', 'a', 'INTEGER NOT NULL', fill=1)
        await self.run_python(count)
"""


async def test_split_migrations_keep_their_functions_and_those_behind_move_up(sqlite_url: str, tmp_path: Path) -> None:
    async with laboratory(sqlite_url, tmp_path) as lab:
        write(lab, "0001_old", "await self.create_table('old', id='INTEGER PRIMARY KEY', n='INTEGER')")
        await lab.apply()
        await lab.run("INSERT INTO old (n) VALUES (NULL)")
        (lab.folder / "0002_a.py").write_text(WITH_FUNCTION)
        write(
            lab,
            "0003_b",
            "await self.add_column('old', 'b', 'INTEGER NOT NULL', fill=2)",
            attributes="dependencies = ['0002_a']",
        )
        for guarded in reversed(await guarding.guard(lab.project)):
            guarding.rewrite(guarded)
        names = ["0002_a_expand", "0003_a_backfill", "0004_a_contract", "0005_b_expand", "0006_b_contract"]
        assert [each.name for each in lab.project.files()] == ["0001_old", *names]
        assert "dependencies = ['0004_a_contract']" in (lab.folder / "0005_b_expand.py").read_text()
        assert "count" not in (lab.folder / "0004_a_contract.py").read_text()
        assert await lab.apply() == names
        assert await lab.rows("SELECT n, a, b FROM old") == [(1, 1, 2)]


async def test_rebuild_keeps_triggers_views_indexes_and_counters(sqlite_url: str, tmp_path: Path) -> None:
    async with laboratory(sqlite_url, tmp_path) as lab:
        await lab.run(
            "CREATE TABLE log (n integer)",
            "CREATE TABLE it (id integer PRIMARY KEY AUTOINCREMENT, a text COLLATE NOCASE CHECK (a <> ','), b integer)",
            "CREATE TABLE child (it_id integer REFERENCES it (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED)",
            "CREATE INDEX it_a ON it (a) WHERE b > 1",
            "CREATE INDEX it_lower ON it (lower(a))",
            "CREATE VIEW seen AS SELECT a FROM it",
            "CREATE TRIGGER counted AFTER INSERT ON it BEGIN INSERT INTO log VALUES (new.id); END",
            "INSERT INTO it (a, b) VALUES ('x', 1), ('y', 2), ('z', 3)",
            "DELETE FROM it WHERE a = 'z'",
            "INSERT INTO child VALUES (1), (2)",
        )
        write(lab, "0001_b", "await self.alter_column('it', 'b', type='BIGINT', nullable=False)")
        await lab.apply()
        assert await lab.rows("SELECT id, a, b FROM it ORDER BY id") == [(1, "x", 1), (2, "y", 2)]
        assert await lab.rows("SELECT count(*) FROM child") == [(2,)]
        await lab.run("INSERT INTO it (a, b) VALUES ('w', 4)")
        assert await lab.rows("SELECT max(id) FROM it") == [(4,)]
        assert await lab.rows("SELECT max(n) FROM log") == [(4,)]
        assert await lab.rows("SELECT count(*) FROM seen") == [(3,)]
        state = (await lab.schema())["it"]
        assert {each.name for each in state.indexes} == {"it_a", "it_lower"}
        assert state.columns["b"].type == "bigint"
        assert state.columns["a"].collation == "nocase"
        assert await lab.rows("PRAGMA foreign_keys") == [(1,)]


async def test_dangling_reference_undoes_the_migration(sqlite_url: str, tmp_path: Path) -> None:
    async with laboratory(sqlite_url, tmp_path) as lab:
        await lab.run(
            "CREATE TABLE parent (id integer PRIMARY KEY)",
            "CREATE TABLE child (parent_id integer REFERENCES parent (id))",
            "INSERT INTO parent VALUES (1)",
            "INSERT INTO child VALUES (1)",
        )
        write(lab, "0001_drop", "await self.execute('DELETE FROM parent')")
        with pytest.raises(Exception, match="dangling references"):
            await lab.apply()
        assert await lab.rows("SELECT count(*) FROM parent") == [(1,)]


async def test_models_written_by_inspectdb_show_no_difference_in_columns(database_url: str, tmp_path: Path) -> None:
    async with laboratory(database_url, tmp_path) as lab:
        await lab.auto(book(pages=IntegerField(null=True, unique=True)))
        await lab.apply()
        source = await inspecting.inspectdb(lab.adapter)
        assert "class LabBook(Model):" in source
        assert "title = CharField(max_length=30)" in source
        assert "pages = IntegerField(unique=True, null=True)" in source
        compile(source, "models", "exec")


@pytest.mark.postgresql
async def test_inspectdb_reads_arrays_ranges_and_keys_of_several_columns(postgresql_url: str, tmp_path: Path) -> None:
    async with laboratory(postgresql_url, tmp_path) as lab:
        await lab.run(
            "CREATE TABLE seat (row integer, number integer, tags varchar(9)[] NOT NULL, sizes numeric(5, 2)[], "
            "span daterange, numbers int8range, words tsvector, PRIMARY KEY (row, number))"
        )
        source = await inspecting.inspectdb(lab.adapter)
        for line in (
            "pk = CompositePrimaryKey('row', 'number')",
            "tags = ArrayField(CharField(max_length=9))",
            "sizes = ArrayField(DecimalField(max_digits=5, decimal_places=2), null=True)",
            "span = DateRangeField(null=True)",
            "numbers = BigIntegerRangeField(null=True)",
            "words = SearchVectorField(null=True)",
        ):
            assert f"    {line}\n" in source, source
        apps = Apps()
        place = {"__name__": "inspected", "_apps": apps}
        exec(source.replace("managed = False", "apps = _apps; app_label = 'inspected'"), place)
        again = await lab.auto(list(apps.get_models()), dry_run=True)
        assert again.notes == [], again.source
        write(
            lab,
            "0001_data",
            """
async def fill(apps):
    seat = apps.table('seat')
    await seat.objects.create(row=1, number=2, tags=['a', 'b'], sizes=[1, 2])
    assert (await seat.objects.get(pk=(1, 2))).tags == ['a', 'b']
await self.run_python(fill)
""",
        )
        assert await lab.apply() == ["0001_data"]


async def test_data_migration_sees_the_models_of_its_moment(database_url: str, tmp_path: Path) -> None:
    async with laboratory(database_url, tmp_path) as lab:
        await lab.auto(book())
        await lab.apply()
        write(
            lab,
            "0002_data",
            """
async def fill(apps):
    book = apps.get_model('lab', 'Book')
    await book.objects.create(title='one')
    assert {field.name for field in book._meta.get_fields()} == {'id', 'title'}
await self.run_python(fill)
await self.add_column('lab_book', 'pages', 'INTEGER NOT NULL', fill=3)
async def check(apps):
    assert (await apps.get_model('lab.Book').objects.get()).pages == 3
await self.run_python(check)
""",
        )
        assert await lab.apply() == ["0002_data"]
        assert await lab.rows("SELECT title, pages FROM lab_book") == [("one", 3)]


async def test_data_migration_sees_relations_by_their_names_of_today(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = make_models(
        Tag={"name": CharField(max_length=9), "best": ForeignKey("Post", "SET_NULL", null=True, related_name="crowns")},
        Post={
            "tags": ManyToManyField("Tag", related_name="posts"),
            "near": ManyToManyField("self"),
            "first": ForeignKey("Tag", "CASCADE", db_column="tag_number", related_name="opens"),
        },
    )
    # Run from the command line, the project's models are the registered ones.
    monkeypatch.setattr("covet.database.migrations.frozen.apps", models[0]._meta.apps)
    async with laboratory(database_url, tmp_path) as lab:
        await lab.auto(models)
        await lab.apply()
        write(
            lab,
            "0002_data",
            """
async def fill(apps):
    Tag, Post = apps.get_model('lab', 'Tag'), apps.get_model('lab', 'Post')
    red, blue = await Tag.objects.create(name='red'), await Tag.objects.create(name='blue')
    one, two = [await Post.objects.create(first=red) for _ in range(2)]
    await one.tags.add(red, blue)
    await one.near.add(two)
    await Tag.objects.filter(name='red').update(best=one)
    assert await Post.objects.filter(tags__name='blue').count() == 1
    assert await red.posts.count() == 1 and await red.opens.count() == 2
    assert await one.crowns.count() == 1
    assert await two.near.count() == 1
    await one.tags.remove(blue)
await self.run_python(fill)
""",
        )
        assert await lab.apply() == ["0002_data"]
        assert await lab.rows("SELECT count(*) FROM lab_post_tags") == [(1,)]


async def test_commands_wait_for_as_long_as_a_statement_takes(postgresql_url: str) -> None:
    connections.configure({"default": f"{postgresql_url}?command_timeout=0.2"})
    try:
        assert connections["default"].config.command_timeout == 0.2
        async with open_session(unhurried("default")) as session:
            assert await session.fetch("SELECT pg_sleep(0.5)::text") == [("",)]
    finally:
        await connections.close_all()
        connections.configure(None)
