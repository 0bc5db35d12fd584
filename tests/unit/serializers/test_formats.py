"""Formats that need no database: what is refused, how errors read, which formats there are."""

from __future__ import annotations

import io
import sys
import types
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from covet import serializers
from covet.conf import override_settings
from covet.database.orm import CharField, ForeignKey, IntegerField, Model
from covet.database.orm.registry import Apps
from covet.exceptions import ImproperlyConfigured, SynchronousOnlyOperation
from covet.portal import run
from covet.serializers import fixtures
from covet.serializers.xml_serializer import DTDForbidden, EntitiesForbidden

LABEL = "unit_serializers"


class Word(Model):
    text = CharField(max_length=50)
    size = IntegerField(default=0)

    class Meta:
        app_label = LABEL


class First(Model):
    class Meta:
        app_label = LABEL


class Second(Model):
    first = ForeignKey(First, "CASCADE")

    class Meta:
        app_label = LABEL


async def _read(format: str, text: Any, **options: Any) -> list[Any]:
    return [obj.object async for obj in serializers.deserialize(format, text, **options)]


@pytest.mark.parametrize("name", ["nonsense", ""])
def test_unknown_format_lists_the_choices(name: str) -> None:
    for get in (serializers.get_serializer, serializers.get_deserializer, serializers.unregister_serializer):
        with pytest.raises(serializers.SerializerDoesNotExist) as caught:
            get(name)
        assert str(caught.value) == f"there is no serializer {name!r}; choose one of: json, jsonl, python, xml, yaml"
        assert isinstance(caught.value, KeyError)


def test_formats_of_a_project_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("shouting")
    module.Serializer = serializers.get_serializer("json")  # type: ignore[attr-defined]
    module.Deserializer = serializers.get_deserializer("json")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "shouting", module)
    monkeypatch.setattr(serializers, "_serializers", {})
    with override_settings(SERIALIZATION_MODULES={"loud": "shouting", "lost": "no.such.module"}):
        assert {"loud", "json"} <= set(serializers.get_public_serializer_formats())
        with pytest.raises(ImportError):
            serializers.get_serializer("lost")()
        serializers.unregister_serializer("loud")
        assert "loud" not in serializers.get_serializer_formats()


async def test_json_is_written_as_django_writes_it() -> None:
    words = [Word(pk=1, text="é"), Word(pk=2, text="b")]
    one = '{"model": "unit_serializers.word", "pk": 1, "fields": {"text": "é", "size": 0}}'
    two = '{"model": "unit_serializers.word", "pk": 2, "fields": {"text": "b", "size": 0}}'
    assert await serializers.serialize("json", words) == f"[{one}, {two}]"
    assert (await serializers.serialize("json", words[:1], indent=1)).splitlines()[:3] == [
        "[",
        "{",
        ' "model": "unit_serializers.word",',
    ]
    stream = io.StringIO()
    await serializers.serialize("jsonl", words, stream=stream, fields=("text",))
    assert stream.getvalue().splitlines()[1] == '{"model": "unit_serializers.word","pk": 2,"fields": {"text": "b"}}'


async def test_bytes_and_streams_are_read() -> None:
    line = b'\n{"model": "unit_serializers.word", "pk": 1, "fields": {"text": "a"}}\n'
    assert (await _read("jsonl", line))[0].text == "a"
    assert (await _read("jsonl", io.BytesIO(line)))[0].text == "a"
    assert (await _read("json", io.BytesIO(b"[" + line + b"]")))[0].text == "a"


@pytest.mark.parametrize(
    ("format", "text", "message"),
    [
        ("json", "{", "this is no JSON"),
        ("jsonl", "[", "this line is no JSON"),
        ("yaml", "{", "this is no YAML"),
        ("yaml", "!!python/object/apply:os.getcwd []", "this is no YAML of plain data"),
        ("xml", "<django-objects>", "this is no XML"),
        ("json", '[{"pk": 1}]', "Error deserializing object: 'model'"),
        ("json", '[{"model": "a.b", "fields": {}}]', "Invalid model identifier: a.b"),
        ("xml", "<o><object model='a.b'/></o>", "<object> node has invalid model identifier: 'a.b'"),
        ("xml", "<o><object/></o>", "<object> node is missing the required 'model' attribute"),
        ("xml", "<o><object model='unit_serializers.word'><field/></object></o>", "missing the 'name' attribute"),
        (
            "json",
            '[{"model": "unit_serializers.word", "pk": "x", "fields": {}}]',
            r"\(unit_serializers\.word:pk=x\) field_value was 'None'",
        ),
        (
            "json",
            '[{"model": "unit_serializers.word", "pk": 1, "fields": {"size": "big"}}]',
            r"\(unit_serializers\.word:pk=1\) field_value was 'big'",
        ),
    ],
)
async def test_what_cannot_be_read_is_a_deserialization_error(format: str, text: str, message: str) -> None:
    with pytest.raises(serializers.DeserializationError, match=message):
        await _read(format, text)


async def test_xml_with_a_document_type_or_entities_is_refused() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa">]><django-objects/>'
    for text in ('<!DOCTYPE x SYSTEM "http://example.com/x.dtd"><django-objects/>', bomb):
        with pytest.raises(DTDForbidden, match="a document type is not read: 'x'"):
            await _read("xml", text)
    assert issubclass(EntitiesForbidden, serializers.DeserializationError)


async def test_xml_takes_text_however_deep_and_nothing_for_none() -> None:
    text = (
        "<django-objects><object model='unit_serializers.word' pk='3'>"
        f"<field name='text'>{'<b>' * 2000}deep{'</b>' * 2000}</field></object>"
        "<object model='unit_serializers.word'><field name='text'><None/></field></object></django-objects>"
    )
    first, second = await _read("xml", text)
    assert (first.pk, first.text, second.text) == (3, "deep", None)


async def test_control_characters_cannot_be_written_as_xml() -> None:
    with pytest.raises(ValueError, match=r"Word\.text \(pk:1\) contains unserializable characters"):
        await serializers.serialize("xml", [Word(pk=1, text="a\x01")])


async def test_unknown_models_and_fields_are_skipped_when_asked() -> None:
    data = [
        {"model": "a.b", "fields": {}},
        {"model": f"{LABEL}.word", "pk": 1, "fields": {"text": "kept", "gone": 1}},
    ]
    assert [word.text for word in await _read("python", data, ignorenonexistent=True)] == ["kept"]


def test_deserializer_is_iterated_without_async_inside_a_portal_only() -> None:
    def objects() -> Any:
        return serializers.deserialize("python", [{"model": f"{LABEL}.word", "fields": {"text": "a"}}])

    async def inside() -> list[str]:
        return [obj.object.text for obj in objects()]

    assert run(inside()) == ["a"]
    with pytest.raises(SynchronousOnlyOperation, match="async for obj in deserialize"):
        next(objects())


def test_models_are_sorted_so_that_natural_keys_can_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def natural_key(self: Any) -> tuple[Any, ...]:
        return (self.pk,)

    monkeypatch.setattr(First, "natural_key", natural_key, raising=False)
    assert serializers.sort_dependencies([(None, [Second, Word, First])]) == [Word, First, Second]

    def depends(self: Any) -> tuple[Any, ...]:
        return (self.pk,)

    depends.dependencies = [f"{LABEL}.second"]  # type: ignore[attr-defined]
    monkeypatch.setattr(First, "natural_key", depends)
    with pytest.raises(RuntimeError, match=r"Can't resolve dependencies for unit_serializers\.First, .*Second in"):
        serializers.sort_dependencies([(None, [Second, First])])
    assert set(serializers.sort_dependencies([(None, [Second, First])], allow_cycles=True)) == {First, Second}


async def test_progress_is_shown() -> None:
    output = io.StringIO()
    await serializers.serialize("python", [Word(), Word()], progress_output=output, object_count=2)
    assert output.getvalue().endswith("[" + "." * 75 + "]\n")


def test_folders_of_fixtures_pass_over_applications_without_a_package() -> None:
    class Loose(Model):
        class Meta:
            app_label = "unit_serializers_nowhere"
            apps = Apps()

    Loose.__module__ = "no_such_module_anywhere"
    config = Loose._meta.apps.get_app_config("unit_serializers_nowhere")
    with pytest.raises(ImproperlyConfigured, match="'no_such_module_anywhere' cannot be imported"):
        _ = config.path
    with patch.object(fixtures, "apps", Loose._meta.apps):
        assert fixtures.fixture_folders() == [Path().resolve()]
