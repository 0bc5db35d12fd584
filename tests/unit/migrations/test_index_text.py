"""Indexes as text, and what is left of them on each database."""

import pytest

from covet.database.migrations.index_text import IndexText, parse_index


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("title", "title"),
        ('"title" text_pattern_ops', "title"),
        ('"title" varchar_pattern_ops DESC', '"title" DESC'),
        ('lower("title") DESC', 'lower("title") DESC'),
        ('(lower("title")) text_pattern_ops', '( lower ( "title" ) )'),
        ('"title" COLLATE "C" text_pattern_ops', '"title" COLLATE "C"'),
    ],
)
def test_operator_classes_are_left_out_where_there_are_none(item: str, expected: str) -> None:
    made = IndexText((item,)).made_on("sqlite")
    assert made is not None
    assert made.items == (expected,)


def test_mariadb_indexes_every_row_where_it_may() -> None:
    text = parse_index('CREATE INDEX "i" ON "t" ("a") INCLUDE ("b") WHERE "a" > 3')
    assert text.made_on("postgresql") == text
    assert text.made_on("sqlite") == IndexText(("a",), where='"a" > 3')
    assert text.made_on("mysql") == IndexText(("a",))


@pytest.mark.parametrize(
    "sql", ['CREATE UNIQUE INDEX "i" ON "t" ("a") WHERE "a" > 3', 'CREATE INDEX "i" ON "t" (lower("a"))']
)
def test_mariadb_has_no_index_that_would_mean_something_else(sql: str) -> None:
    assert parse_index(sql).made_on("mysql") is None


def test_column_with_a_space_is_no_expression() -> None:
    text = parse_index('CREATE INDEX "i" ON "t" ("a b", "c")')
    assert text.items == ('"a b"', "c")
