"""One database, two frameworks: each reads what the other wrote, for every kind of column."""

import os
from collections.abc import Iterator

import pytest

from covet.conf import override_settings
from covet.database.connections import connections
from covet.database.orm.plan import invalidate
from covet.portal import run
from tests.oracle import zoo
from tests.oracle.process import ask
from tests.oracle.rows import rows, shown
from tests.services import create_database, drop_database

pytest.importorskip("django")


@pytest.fixture
def shared_url(database_url: str) -> Iterator[str]:
    """A database that is empty and goes afterwards."""
    if database_url.startswith("sqlite"):
        yield database_url
        return
    if database_url.startswith(("mysql", "mariadb")):
        pytest.importorskip("pymysql")
    name = f"covet_test_storage_{os.getpid()}"
    yield create_database(database_url, name)
    drop_database(database_url, name)


@pytest.mark.parametrize("use_tz", [True, False], ids=["aware", "naive"])
def test_each_reads_what_the_other_wrote(shared_url: str, use_tz: bool) -> None:
    """Promise 73."""
    django_wrote = ask("tests.oracle.rows.write", shared_url, use_tz)
    framework = zoo.framework("covet")
    model = zoo.plain(framework)["Everything"]
    seen: list[list[str]] = []

    async def body() -> None:
        connections.configure({"default": shared_url})
        invalidate()
        try:
            seen.extend([shown(each) async for each in model.objects.order_by("id")])
            await model.objects.all().delete()
            for row in rows(use_tz=use_tz):
                made = await model.objects.create(**row)
                await model.objects.filter(pk=made.pk).update(moment=row["moment"], date=row["date"])
        finally:
            await connections.close_all()
            connections.configure(None)

    with override_settings(USE_TZ=use_tz, TIME_ZONE="Europe/Vienna", VALIDATE_ON_SAVE=False):
        run(body())
    assert seen == django_wrote
    assert ask("tests.oracle.rows.read", shared_url, use_tz) == django_wrote
