"""Databases that Django made: the adopted models show no difference, and Django notices nothing."""

import functools
import os
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

import covet.database.orm as covet_models
from covet.database.migrations.accepted import Accepted, Difference
from covet.database.migrations.commands import adopting, checking
from covet.database.migrations.comparison import Wanted, compare
from covet.database.migrations.operations.base import OwnedByDjango
from covet.database.orm.functions import Lower
from covet.database.orm.registry import Apps
from covet.exceptions import ImproperlyConfigured
from tests.integration.migrations.contrib_models import MODELS
from tests.integration.migrations.laboratory import Laboratory, laboratory, make_models
from tests.integration.migrations.zoo.text import zoo_text

HERE = Path(__file__).parent
# Another Django, and the Python that runs it: `COVET_TEST_DJANGO=FOLDER COVET_TEST_DJANGO_PYTHON=PROGRAM`.
DJANGO = [each for each in [os.environ.get("COVET_TEST_DJANGO")] if each]
PYTHON = os.environ.get("COVET_TEST_DJANGO_PYTHON", sys.executable)


def django(url: str, *arguments: str) -> str:
    """A management command of Django's."""
    places = [str(HERE.parents[2]), *DJANGO] if DJANGO else sys.path
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places), "PYTHONWARNINGS": "ignore"}
    run = subprocess.run(
        [PYTHON, "-m", "tests.integration.migrations.django_side", url, *arguments],
        cwd=HERE.parents[2], env=environment, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


async def test_contrib_is_adopted_without_a_difference(database_url: str, tmp_path: Path) -> None:
    async with laboratory(database_url, tmp_path) as lab:
        django(database_url, "migrate", "--verbosity", "0")
        adopted = await adopting.adopt(lab.project, MODELS)
        assert adopted.differences == []
        assert adopted.heads["auth"].startswith("0012")
        assert {"auth_user", "django_session", "auth_user_groups", "django_flatpage_sites"} <= set(adopted.tables)
        assert await checking.check_schema(lab.adapter, MODELS) == []
        assert (await lab.auto(MODELS)).notes == []
        assert [each.is_applied for each in await lab.project.runner().status()] == [True]

        await _write_rows(lab)
        assert "No changes detected" in django(database_url, "makemigrations", "--check", "--dry-run")
        assert "[ ]" not in django(database_url, "showmigrations")

        (lab.folder / "0002_touch.py").write_text(
            "from covet.database.migrations import Migration\n\n\nclass Migration(Migration):\n"
            "    async def up(self):\n        await self.add_column('auth_user', 'age', 'INTEGER')\n"
        )
        with pytest.raises(OwnedByDjango, match="adopt --own APP"):
            await lab.apply()
        adopting.own(lab.project, ["auth"])
        assert await lab.apply() == ["0002_touch"]


async def test_accepted_differences_are_not_told_again(database_url: str, tmp_path: Path) -> None:
    async with laboratory(database_url, tmp_path) as lab:
        django(database_url, "migrate", "--verbosity", "0")
        name = "`auth_group`" if lab.adapter.vendor == "mysql" else '"auth_group"'
        await lab.run(f"ALTER TABLE {name} ADD COLUMN extra integer")
        refused = await adopting.adopt(lab.project, MODELS)
        assert (refused.differences, refused.path) == (["Remove field: Group.extra"], None)
        adopted = await adopting.adopt(lab.project, MODELS, accept="a report reads it")
        assert (adopted.differences, adopted.accepted) == ([], 1)
        [kept] = lab.project.accepted.differences
        assert kept == Difference("auth_group", "Remove field: Group.extra", "a report reads it", lab.adapter.vendor)
        adopting.own(lab.project, ["auth"])
        assert (await lab.auto(MODELS, dry_run=True)).notes == []
        assert await checking.check_schema(lab.adapter, MODELS, accepted=lab.project.accepted) == []
        # Only these: another difference of the same table is told, and written down when somebody says so.
        await lab.run(f"ALTER TABLE {name} ADD COLUMN more integer")
        [found] = await checking.check_schema(lab.adapter, MODELS, accepted=lab.project.accepted)
        assert found.message == "Group: the model has no field for auth_group.more."
        accepted = await adopting.accept_differences(lab.project, MODELS, 'it is "theirs"')
        assert accepted == ["Remove field: Group.more"]
        assert await checking.check_schema(lab.adapter, MODELS, accepted=lab.project.accepted) == []
        await lab.run(f"ALTER TABLE {name} DROP COLUMN more")
        [found] = await checking.check_schema(lab.adapter, MODELS, accepted=lab.project.accepted)
        assert (found.code, found.level) == ("CV106", "warning")
        assert "accepted for auth_group, and no difference any more" in found.message


def test_accepted_difference_wants_a_reason(tmp_path: Path) -> None:
    (tmp_path / "accepted.toml").write_text('[[difference]]\ntable = "a"\ntext = "b"\nreason = " "\n')
    with pytest.raises(ImproperlyConfigured, match="'b' is accepted without a reason"):
        Accepted.read(tmp_path)
    (tmp_path / "accepted.toml").write_text('[[difference]]\ntext = "b"\n')
    with pytest.raises(ImproperlyConfigured, match=r"is broken: 'table'\. Each \[\[difference\]\] has table"):
        Accepted.read(tmp_path)


async def _write_rows(lab: Laboratory) -> None:
    by_name = {model.__name__: model for model in MODELS}
    user = await by_name["User"].objects.create(username="ann", password="x")
    group = await by_name["Group"].objects.create(name="editors")
    await user.groups.add(group)
    page = await by_name["FlatPage"].objects.create(url="/about/", title="About")
    assert await by_name["User"].objects.filter(groups__name="editors").count() == 1
    assert page.pk


async def test_baseline_makes_the_same_schema_elsewhere(database_url: str, tmp_path: Path) -> None:
    async with laboratory(database_url, tmp_path) as lab:
        django(database_url, "migrate", "--verbosity", "0")
        await adopting.adopt(lab.project, MODELS)
        await lab.clean()
        assert await lab.apply() == ["0001_django_baseline"]
        assert (await lab.auto(MODELS)).notes == []


async def test_baseline_is_faked_only_at_zero_difference(database_url: str, tmp_path: Path) -> None:
    async with laboratory(database_url, tmp_path) as lab:
        django(database_url, "migrate", "--verbosity", "0")
        await adopting.adopt(lab.project, MODELS)
        quoted = "`auth_group`" if lab.adapter.vendor == "mysql" else '"auth_group"'
        await lab.run("DROP TABLE covet_migrations", f"ALTER TABLE {quoted} ADD COLUMN extra integer")
        with pytest.raises(Exception, match="differs from what it makes in 1 places: DropColumn on auth_group"):
            await lab.apply(fake_initial=True)
        await lab.run(f"ALTER TABLE {quoted} DROP COLUMN extra")
        assert await lab.apply(fake_initial=True) == ["0001_django_baseline"]


@functools.cache
def zoo(vendor: str) -> list[Any]:
    """The zoo's models, CovetPy's this time, in a registry of their own."""
    major, minor = django("sqlite://", "version").split()
    source = zoo_text((int(major), int(minor)), vendor)
    apps = Apps()
    source = source.replace('app_label = "zoo"', 'app_label = "zoo"; apps = _apps')
    source = source.replace("abstract = True", "abstract = True; apps = _apps")
    module = types.ModuleType(f"zoo_of_covet_{vendor}")
    sys.modules[module.__name__] = module
    module.__dict__.update(models=covet_models, Lower=Lower, _apps=apps)
    exec(compile(source, "zoo", "exec"), module.__dict__)
    return list(apps.get_models(include_auto_created=True))


async def test_every_field_and_option_is_what_django_makes_of_it(database_url: str, tmp_path: Path) -> None:
    async with laboratory(database_url, tmp_path) as lab:
        django(database_url, "zoo")
        compared = await compare(lab.adapter, Wanted.of(zoo(lab.adapter.vendor)))
        assert compared.changes == []
        assert len(compared.live) >= 8


async def test_every_field_and_option_makes_the_round_trip(database_url: str, tmp_path: Path) -> None:
    async with laboratory(database_url, tmp_path) as lab:
        models = zoo(lab.adapter.vendor)
        found = await lab.auto(models)
        assert len([note for note in found.notes if note.startswith("Create model")]) >= 8
        assert await lab.apply() == ["0001_initial"]
        again = await lab.auto(models)
        assert again.notes == [], again.source
        assert await lab.rollback() == ["0001_initial"]
        assert set(await lab.schema()) == {"covet_migrations"}


async def test_column_that_a_model_omits_is_named(database_url: str, tmp_path: Path) -> None:
    async with laboratory(database_url, tmp_path) as lab:
        django(database_url, "migrate", "--verbosity", "0")
        user = covet_models.Model.__class__(
            "User",
            (covet_models.Model,),
            {
                "__module__": __name__,
                "id": covet_models.AutoField(primary_key=True),
                "username": covet_models.CharField(max_length=150, unique=True),
                "Meta": type("Meta", (), {"app_label": "mini", "db_table": "auth_user", "apps": Apps()}),
            },
        )
        findings = await checking.check_schema(lab.adapter, [user])
        errors = [each.message for each in findings if each.level == "error"]
        assert (
            "User: auth_user.password is NOT NULL without a default, and the model has no field for it; "
            "every INSERT will fail." in errors
        )
        assert any("auth_user.last_login" in each.message for each in findings if each.level == "warning")


@pytest.mark.postgresql
@pytest.mark.mysql
@pytest.mark.parametrize("author", ["sqlite", "postgresql", "mysql"])
async def test_file_written_on_one_database_makes_the_same_on_the_others(
    author: str, sqlite_url: str, postgresql_url: str, mysql_url: str, tmp_path: Path
) -> None:
    urls = {"sqlite": sqlite_url, "postgresql": postgresql_url, "mysql": mysql_url}
    models = zoo("any")
    async with laboratory(urls.pop(author), tmp_path) as lab:
        await lab.auto(models)
    for reader, url in urls.items():
        async with laboratory(url, tmp_path) as lab:
            assert await lab.apply() == ["0001_initial"]
            again = await lab.auto(models, dry_run=True)
            assert again.notes == [], f"{reader}: {again.source}"
            assert await lab.rollback() == ["0001_initial"]


@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("before", "after"),
    [({}, {"unique": True}), ({"db_index": True}, {}), ({"db_index": True}, {"unique": True}), ({"unique": True}, {})],
    ids=["unique", "not indexed", "indexed to unique", "not unique"],
)
async def test_change_written_on_sqlite_brings_postgresql_the_index_for_like(
    before: dict[str, Any], after: dict[str, Any], sqlite_url: str, postgresql_url: str, tmp_path: Path
) -> None:
    def models(options: dict[str, Any]) -> list[Any]:
        return make_models(Thing={"title": covet_models.CharField(max_length=9, **options)})

    async with laboratory(sqlite_url, tmp_path) as lab:
        await lab.auto(models(before))
        await lab.apply()
        await lab.auto(models(after), "Change")
        await lab.apply()
        assert (await lab.auto(models(after), dry_run=True)).notes == []
        await lab.rollback()
    async with laboratory(postgresql_url, tmp_path) as lab:
        assert await lab.apply() == ["0001_initial", "0002_change"]
        again = await lab.auto(models(after), dry_run=True)
        assert again.notes == [], again.source
        assert await lab.rollback() == ["0002_change"]
        (lab.folder / "0002_change.py").unlink()
        again = await lab.auto(models(before), dry_run=True)
        assert again.notes == [], again.source
