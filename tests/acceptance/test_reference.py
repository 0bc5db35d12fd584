"""The reference of the ORM names all that is public, and nothing that is not there."""

import inspect
import re
from pathlib import Path

import pytest

import covet.exceptions
from covet.database import orm
from covet.database.orm import contenttypes, functions, postgres, signals
from covet.database.orm.fields import postgres as postgres_fields
from covet.database.orm.options.base import META_NAMES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "orm.md"
NAME = re.compile(r"`([A-Za-z_]\w*)`")
HEADING = re.compile(r"^##+ (.+)$", re.MULTILINE)

INTERNAL_OPTIONS = {"self", "name", "rel", "auto_created", "serialize"}


def sections() -> dict[str, str]:
    """The page's text under each heading, up to the next one of any level."""
    parts = HEADING.split(PAGE.read_text())
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def first_cells(text: str) -> set[str]:
    """The names in the first cell of each row."""
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("|")]
    return {name for cell in rows for name in NAME.findall(cell)}


def public(owner: object) -> set[str]:
    return {name for name in dir(owner) if not name.startswith("_")}


def field_options() -> set[str]:
    return set(inspect.signature(orm.Field.__init__).parameters) - INTERNAL_OPTIONS


def methods_of_queryset() -> set[str]:
    return public(orm.QuerySet)


@pytest.mark.parametrize(
    ("headings", "expected"),
    [
        (("Methods of a model",), public(orm.Model)),
        (("Meta",), set(META_NAMES)),
        (("Options of every field",), field_options()),
        (
            ("Methods that make another QuerySet", "Methods that ask the database", "Properties"),
            methods_of_queryset(),
        ),
    ],
    ids=["model", "meta", "field options", "queryset"],
)
def test_tables_name_exactly_what_exists(headings, expected):
    found = set().union(*(first_cells(sections()[heading]) for heading in headings))
    assert found == expected


def test_every_public_name_of_the_orm_is_in_the_reference():
    assert set(orm.__all__) <= set(NAME.findall(PAGE.read_text()))


def test_functions_are_exactly_those_of_the_module():
    table = "\n".join(line for line in sections()["Functions"].splitlines() if line.startswith("|"))
    assert set(NAME.findall(table)) == set(functions.__all__)


@pytest.mark.parametrize(
    "heading",
    [
        "Models",
        "Fields",
        "Managers",
        "QuerySets",
        "Conditions and expressions",
        "Aggregates",
        "Indexes and constraints",
    ],
)
def test_names_of_the_tables_can_be_imported(heading):
    assert first_cells(sections()[heading]) <= set(orm.__all__)


def test_lookups_are_those_of_the_fields():
    kinds = (orm.CharField, orm.DateTimeField, orm.TimeField, orm.JSONField)
    ranges, rest = postgres_fields.IntegerRangeField, (postgres_fields.ArrayField, postgres_fields.HStoreField)
    there = set().union(*(kind.get_lookups() for kind in (*kinds, ranges, *rest)))
    assert first_cells(sections()["Lookups"]) | first_cells(sections()["PostgreSQL's lookups"]) == there


@pytest.mark.parametrize(("heading", "module"), [("PostgreSQL", postgres), ("Content types", contenttypes)])
def test_other_modules_are_listed_in_full(heading, module):
    table = "\n".join(line for line in sections()[heading].splitlines() if line.startswith("|"))
    assert set(NAME.findall(table)) == set(module.__all__)


def test_errors_and_signals_exist():
    assert all(hasattr(covet.exceptions, name) for name in first_cells(sections()["Errors"]))
    assert all(hasattr(signals, name) for name in NAME.findall(sections()["Signals"]))
