"""Options and values of PostgreSQL's fields that need no server."""

from __future__ import annotations

from typing import Any

import pytest

from covet.database.orm import CharField, Model
from covet.database.orm.fields.postgres import ArrayField, BigIntegerRangeField, HStoreField
from covet.database.orm.registry import Apps


class Release(Model):
    media = ArrayField(
        ArrayField(CharField(max_length=9)),
        choices=[("media", [([["vinyl", "cd"], ("x",)], "audio")]), ((["mp3"], ("mp4",)), "digital")],
    )
    notes = HStoreField()

    class Meta:
        app_label = "postgres_fields"
        apps = Apps()


@pytest.mark.parametrize(
    ("media", "label"),
    [
        ([["vinyl", "cd"], ("x",)], "audio"),
        ((["mp3"], ("mp4",)), "digital"),
        ([["a", "b"], ["c"]], "[['a', 'b'], ['c']]"),
    ],
)
def test_arrays_of_arrays_have_labels(media: Any, label: str) -> None:
    display: Any = Release(media=media)
    assert display.get_media_display() == label


def test_fixtures_keep_letters_as_they_are() -> None:
    release = Release(media=[["król", None]], notes={"ключ": "значение"})
    texts = [Release._meta.get_field(name).value_to_string(release) for name in ("media", "notes")]
    assert texts == ['["[\\"król\\", null]"]', '{"ключ": "значение"}']


def test_only_continuous_ranges_have_default_bounds() -> None:
    with pytest.raises(TypeError, match="Cannot use 'default_bounds' with BigIntegerRangeField"):
        BigIntegerRangeField(default_bounds="[]")
