"""Serializing, dumping and loading on each database."""

from __future__ import annotations

import datetime as dt
import gzip
import zipfile
from collections.abc import Awaitable, Callable
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from covet import serializers
from covet.conf import override_settings
from covet.database.connections import connections
from covet.database.orm import (
    CASCADE,
    BinaryField,
    CharField,
    CompositePrimaryKey,
    DateTimeField,
    DecimalField,
    ForeignKey,
    IntegerField,
    JSONField,
    Manager,
    ManyToManyField,
    Model,
    TimeField,
)
from covet.database.orm.plan import invalidate
from covet.database.orm.signals import post_save
from covet.exceptions import IntegrityError
from covet.portal import run
from covet.serializers.dumping import dump
from covet.serializers.fixtures import FixtureError, load_fixtures
from covet.serializers.labels import UnknownLabel
from tests.integration.orm.shop import Queries

LABEL = "fixture_tests"
FORMATS = ("json", "jsonl", "xml", "yaml", "python")


class NamedManager(Manager[Any]):
    async def get_by_natural_key(self, name: str) -> Any:
        return await self.get(name=name)


class Topic(Model):
    name = CharField(max_length=20, unique=True)
    objects = NamedManager()

    class Meta:
        app_label = LABEL

    def natural_key(self) -> tuple[str]:
        return (self.name,)


class Writer(Model):
    name = CharField(max_length=20, unique=True)
    mentor = ForeignKey("self", CASCADE, null=True, related_name="pupils")
    objects = NamedManager()

    class Meta:
        app_label = LABEL

    async def natural_key(self) -> tuple[str]:
        return (self.name,)


class Essay(Model):
    writer = ForeignKey(Writer, CASCADE, related_name="essays")
    topics = ManyToManyField(Topic, related_name="essays")
    title = CharField(max_length=50)
    written = DateTimeField(null=True)
    at = TimeField(null=True)
    price = DecimalField(max_digits=6, decimal_places=2, null=True)
    data = JSONField(null=True)
    scan = BinaryField(null=True)

    class Meta:
        app_label = LABEL

    async def save(self, *args: Any, **kwargs: Any) -> None:
        raise AssertionError("fixtures are saved as they are")


class Seat(Model):
    pk = CompositePrimaryKey("row", "number")
    row = IntegerField()
    number = IntegerField()
    holder = CharField(max_length=20)

    class Meta:
        app_label = LABEL


MODELS: tuple[Any, ...] = (Topic, Writer, Essay, Essay.topics.through, Seat)
Play = Callable[[Callable[[Queries], Awaitable[None]]], None]


@pytest.fixture
def play(database_url: str) -> Play:
    """Runs a coroutine with the tables of this module."""

    async def whole(body: Callable[[Queries], Awaitable[None]]) -> None:
        connections.configure({"default": database_url})
        invalidate()
        adapter = connections["default"]
        tables = [model.table for model in MODELS]
        async with adapter.engine.begin() as connection:
            await connection.run_sync(tables[0].metadata.create_all, tables)
        queries = Queries()
        adapter.query_hooks.append(queries.note)
        try:
            await body(queries)
        finally:
            async with adapter.engine.begin() as connection:
                await connection.run_sync(tables[0].metadata.drop_all, tables)
            await connections.close_all()
            connections.configure(None)

    def runner(body: Callable[[Queries], Awaitable[None]]) -> None:
        with override_settings(USE_TZ=True, TIME_ZONE="UTC"):
            run(whole(body))

    return runner


async def write_essay() -> Any:
    """An essay of two topics, with a value in each column."""
    ada = await Writer.objects.create(name="Ada")
    essay = Essay(
        writer=ada,
        title="Notes <é>",
        written=dt.datetime(1943, 9, 1, 12, 30, 1, 250000, tzinfo=dt.UTC),
        at=dt.time(8, 15),
        price=Decimal("12.50"),
        data={"pages": [1, 2]},
        scan=b"\x00\xff",
    )
    await essay.save_base(force_insert=True)
    await essay.topics.set([await Topic.objects.create(name=name) for name in ("engines", "numbers")])
    return essay


def _values(essay: Any) -> tuple[Any, ...]:
    scan = None if essay.scan is None else bytes(essay.scan)
    return essay.writer_id, essay.title, essay.written, essay.at, essay.price, essay.data, scan


@pytest.mark.parametrize("format", FORMATS)
def test_what_is_written_is_read_again(play: Play, format: str) -> None:
    async def body(_: Queries) -> None:
        essay = await write_essay()
        text = await serializers.serialize(format, Essay.objects.all(), indent=2)
        expected = _values(await Essay.objects.get())
        await Essay.objects.all().delete()
        read = [obj async for obj in serializers.deserialize(format, text)]
        assert [obj.object.pk for obj in read] == [essay.pk]
        assert not await Essay.objects.exists()
        await read[0].save()
        again = await Essay.objects.get()
        assert _values(again) == expected
        assert [topic.name for topic in await again.topics.order_by("name")] == ["engines", "numbers"]

    play(body)


@pytest.mark.parametrize("format", FORMATS)
def test_natural_keys_find_the_rows_of_another_database(play: Play, format: str) -> None:
    async def body(_: Queries) -> None:
        await write_essay()
        options = {"use_natural_foreign_keys": True, "use_natural_primary_keys": True}
        writers = await serializers.serialize(format, Writer.objects.all(), **options)
        essays = await serializers.serialize(format, Essay.objects.all(), **options)
        await Writer.objects.all().delete()
        await Topic.objects.all().delete()
        await Writer.objects.create(name="Someone else")
        for name in ("numbers", "engines"):
            await Topic.objects.create(name=name)
        for text in (writers, essays, writers):
            async for obj in serializers.deserialize(format, text):
                await obj.save()
        essay = await Essay.objects.select_related("writer").get()
        assert essay.writer.name == "Ada"
        assert await essay.topics.count() == 2
        # The second time the row was found by its natural key.
        assert await Writer.objects.count() == 2

    play(body)


@pytest.mark.parametrize("format", FORMATS)
def test_reference_to_what_comes_later_is_kept_for_the_end(play: Play, format: str) -> None:
    async def body(_: Queries) -> None:
        ada = await Writer.objects.create(name="Ada")
        ada.mentor = await Writer.objects.create(name="Mary")
        await ada.save()
        options = {"use_natural_foreign_keys": True, "use_natural_primary_keys": True}
        text = await serializers.serialize(format, Writer.objects.order_by("pk"), **options)
        await Writer.objects.all().delete()
        waiting = []
        async for obj in serializers.deserialize(format, text, handle_forward_references=True):
            await obj.save()
            if obj.deferred_fields:
                waiting.append(obj)
        assert len(waiting) == 1
        await waiting[0].save_deferred_fields()
        assert (await Writer.objects.select_related("mentor").get(name="Ada")).mentor.name == "Mary"
        await Writer.objects.all().delete()
        with pytest.raises(serializers.DeserializationError, match="Writer matching query does not exist"):
            await waiting[0].save_deferred_fields()

    play(body)


def test_deferred_columns_are_loaded_at_once_and_only_if_they_are_written(play: Play) -> None:
    async def body(queries: Queries) -> None:
        await write_essay()
        essay = await Essay.objects.only("id").get()
        queries.clear()
        await serializers.serialize("json", [essay], fields=["title", "at"])
        assert len(queries) == 1
        assert "price" not in queries[0]

    play(body)


def test_prefetched_objects_are_not_asked_for_again(play: Play) -> None:
    async def body(queries: Queries) -> None:
        await write_essay()
        essays = await Essay.objects.prefetch_related("topics")
        queries.clear()
        written = await serializers.serialize("python", essays)
        assert len(written[0]["fields"]["topics"]) == 2
        assert queries == []

    play(body)


def test_composite_key_is_a_list(play: Play) -> None:
    async def body(_: Queries) -> None:
        await Seat.objects.create(row=1, number=2, holder="Ada")
        for format in ("json", "xml"):
            text = await serializers.serialize(format, Seat.objects.all())
            assert ('"pk": [1, 2]' if format == "json" else 'pk=\'["1", "2"]\'') in text
            found = [obj.object.pk async for obj in serializers.deserialize(format, text)]
            assert found == [(1, 2)]

    play(body)


def test_loaded_objects_announce_themselves_as_raw(play: Play) -> None:
    async def body(_: Queries) -> None:
        seen = []

        def note(raw: bool, instance: Any, **_kwargs: Any) -> None:
            seen.append((raw, instance.name))

        post_save.connect(note, sender=Topic)
        try:
            data = [{"model": f"{LABEL}.topic", "pk": 1, "fields": {"name": "raw"}}]
            async for obj in serializers.deserialize("python", data):
                await obj.save()
        finally:
            post_save.disconnect(note, sender=Topic)
        assert seen == [(True, "raw")]

    play(body)


# -- fixtures ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", [format for format in FORMATS if format != "python"])
def test_dump_is_loaded_into_an_empty_database(play: Play, tmp_path: Path, format: str) -> None:
    async def body(_: Queries) -> None:
        essay = await write_essay()
        file = tmp_path / f"all.{format}"
        with file.open("w", encoding="utf-8") as stream:
            await dump(LABEL, format=format, stream=stream)
        for model in (Essay, Writer, Topic):
            await model.objects.all().delete()
        loaded = await load_fixtures(str(file))
        assert (loaded.fixtures, loaded.objects, loaded.saved) == (1, 4, 4)
        assert (await Essay.objects.get()).pk == essay.pk
        assert await (await Essay.objects.get()).topics.count() == 2
        # The sequence counts on behind the keys that were loaded.
        assert (await Topic.objects.create(name="later")).pk not in {1, 2}

    play(body)


def test_objects_may_refer_to_ones_that_come_later(play: Play, tmp_path: Path) -> None:
    async def body(_: Queries) -> None:
        file = tmp_path / "pupil.json"
        file.write_text(
            f'[{{"model": "{LABEL}.writer", "pk": 1, "fields": {{"name": "Ada", "mentor": 2}}}},'
            f' {{"model": "{LABEL}.writer", "pk": 2, "fields": {{"name": "Mary", "mentor": null}}}}]'
        )
        await load_fixtures(str(file))
        assert (await Writer.objects.select_related("mentor").get(pk=1)).mentor.name == "Mary"

    play(body)


def test_reference_to_nothing_loads_nothing(play: Play, tmp_path: Path) -> None:
    async def body(_: Queries) -> None:
        file = tmp_path / "orphan.json"
        file.write_text(f'[{{"model": "{LABEL}.writer", "pk": 1, "fields": {{"name": "Ada", "mentor": 9}}}}]')
        with pytest.raises(IntegrityError, match=r"with primary key '1' has an invalid foreign key.*a value '9'"):
            await load_fixtures(str(file))
        assert not await Writer.objects.exists()

    play(body)


def test_broken_object_names_the_file_and_loads_nothing(play: Play, tmp_path: Path) -> None:
    async def body(_: Queries) -> None:
        file = tmp_path / "broken.json"
        file.write_text(
            f'[{{"model": "{LABEL}.topic", "pk": 1, "fields": {{"name": "good"}}}},'
            f' {{"model": "{LABEL}.seat", "pk": [1, "x"], "fields": {{}}}}]'
        )
        with pytest.raises(serializers.DeserializationError, match=r"broken\.json.*fixture_tests\.seat:pk=\[1, 'x'\]"):
            await load_fixtures(str(file))
        assert not await Topic.objects.exists()

    play(body)


def test_fixtures_are_found_by_name_compressed_or_not(
    play: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(_: Queries) -> None:
        monkeypatch.chdir(tmp_path)
        line = f'{{"model": "{LABEL}.topic", "pk": %d, "fields": {{"name": "%s"}}}}\n'
        with gzip.open("one.jsonl.gz", "wt") as stream:
            stream.write(line % (1, "one"))
        with zipfile.ZipFile("two.jsonl.zip", "w") as archive:
            archive.writestr("two.jsonl", line % (2, "two"))
        Path("three.default.jsonl").write_text(line % (3, "three"))
        assert (await load_fixtures("one", "two.jsonl", "three")).saved == 3
        loaded = await load_fixtures("-", stdin=StringIO(line % (4, "four")), format="jsonl")
        assert loaded.saved == 1
        Path("one.json").write_text("[]")
        with pytest.raises(FixtureError, match="Multiple fixtures named 'one'"):
            await load_fixtures("one")
        with pytest.raises(FixtureError, match=f"No fixture named 'none' found; looked in: .*{tmp_path.name}"):
            await load_fixtures("none")
        with pytest.raises(FixtureError, match="csv is not a known serialization format; choose one of: json, jsonl"):
            await load_fixtures("one.csv")
        with pytest.raises(FixtureError, match="format of the fixture on standard input"):
            await load_fixtures("-")

    play(body)


def test_left_out_models_and_unknown_fields_are_not_saved(play: Play, tmp_path: Path) -> None:
    async def body(_: Queries) -> None:
        file = tmp_path / "mixed.json"
        file.write_text(
            f'[{{"model": "{LABEL}.topic", "pk": 1, "fields": {{"name": "kept", "gone": 1}}}},'
            f' {{"model": "{LABEL}.vanished", "pk": 1, "fields": {{}}}},'
            f' {{"model": "{LABEL}.writer", "pk": 1, "fields": {{"name": "Ada"}}}}]'
        )
        loaded = await load_fixtures(str(file), ignorenonexistent=True, exclude=[f"{LABEL}.Writer"])
        assert (loaded.objects, loaded.saved) == (2, 1)
        assert [topic.name async for topic in Topic.objects.all()] == ["kept"]
        with pytest.raises(UnknownLabel, match=r"there is no model 'fixture_tests\.Nobody'; choose one of: Essay"):
            await load_fixtures(str(file), exclude=[f"{LABEL}.Nobody"])

    play(body)


def test_dump_of_chosen_rows_and_models(play: Play) -> None:
    async def body(_: Queries) -> None:
        await write_essay()
        text = await dump(f"{LABEL}.Topic", primary_keys=["1"])
        assert text == f'[{{"model": "{LABEL}.topic", "pk": 1, "fields": {{"name": "engines"}}}}]'
        everything = await dump(LABEL, format="python", exclude=[f"{LABEL}.Essay"], use_natural_foreign_keys=True)
        assert [row["model"] for row in everything] == [f"{LABEL}.topic"] * 2 + [f"{LABEL}.writer"]
        with pytest.raises(ValueError, match="for one model only"):
            await dump(LABEL, primary_keys=["1"])
        with pytest.raises(UnknownLabel, match="there is no application 'nothing'; choose one of: "):
            await dump("nothing")

    play(body)
