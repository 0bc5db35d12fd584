"""hstore against a real server: what goes in comes out, and each lookup finds it."""

from __future__ import annotations

from typing import Any

import pytest

from covet.conf import override_settings
from covet.database.connections import connections
from covet.database.orm import CharField, Model
from covet.database.orm.fields.postgres import ArrayField, HStoreField
from covet.database.orm.plan import invalidate
from covet.database.orm.registry import Apps
from covet.exceptions import DatabaseError
from covet.portal import run

PAIRS: dict[str, Any] = {
    "plain": {"a": "b", "c": None},
    "empty": {},
    "odd": {'q"uote': "x'y", "back\\slash": "=>", "été": "", "sp ace": ",", "": "e"},
    "none": None,
    "null": {"n": "NULL", "a": "nul"},
}


class Bag(Model):
    name = CharField(max_length=10)
    pairs = HStoreField(null=True)
    several = ArrayField(HStoreField(), null=True)

    class Meta:
        app_label = "hstore"
        apps = Apps()
        ordering = ["pk"]


@pytest.mark.postgresql
def test_hstore_on_a_server_that_has_it(postgresql_url: str) -> None:
    async def names(**conditions: Any) -> list[str]:
        return list(await Bag.objects.filter(**conditions).values_list("name", flat=True))

    async def body() -> None:
        await Bag.objects.bulk_create([Bag(name=name, pairs=pairs) for name, pairs in PAIRS.items()])
        assert {bag.name: bag.pairs for bag in await Bag.objects.all()} == PAIRS
        assert await names(pairs={"c": None, "a": "b"}) == await names(pairs__contains={"a": "b"}) == ["plain"]
        assert await names(pairs__contained_by={"a": "b", "c": None, "z": "1"}) == ["plain", "empty"]
        assert await names(pairs__has_key="a") == await names(pairs__a__in=["b", "nul"]) == ["plain", "null"]
        assert await names(pairs__has_keys=["a", "c"]) == await names(pairs__values__contains=["b"]) == ["plain"]
        assert await names(pairs__has_any_keys=["n", "c"]) == ["plain", "null"]
        assert await names(pairs__keys__contains=["n"]) == await names(pairs__n="NULL") == ["null"]
        assert await names(**{'pairs__q"uote': "x'y"}) == await names(**{"pairs__back\\slash": "=>"}) == ["odd"]
        assert await names(pairs__isnull=True) == ["none"]
        assert await Bag.objects.values_list("pairs__a", flat=True) == ["b", None, None, None, "nul"]
        assert await Bag.objects.filter(name="empty").update(pairs={"u": "1"}, several=[{"a": "1"}, {"b": None}]) == 1
        bag = await Bag.objects.get(pairs__u="1")
        assert (bag.pairs, bag.several) == ({"u": "1"}, [{"a": "1"}, {"b": None}])

    async def played() -> None:
        connections.configure({"default": postgresql_url})
        invalidate()
        adapter = connections["default"]
        try:
            await adapter.execute("CREATE EXTENSION IF NOT EXISTS hstore")
        except DatabaseError as error:
            await connections.close_all()
            connections.configure(None)
            pytest.skip(f"this server has no hstore: {error}")
        async with adapter.engine.begin() as connection:
            await connection.run_sync(Bag.table.metadata.create_all, [Bag.table])
        try:
            await body()
        finally:
            async with adapter.engine.begin() as connection:
                await connection.run_sync(Bag.table.metadata.drop_all, [Bag.table])
            await connections.close_all()
            connections.configure(None)

    with override_settings(DATABASE_ROUTERS=[], VALIDATE_ON_SAVE=False):
        run(played())
