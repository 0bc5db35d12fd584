"""Tables read from SQLite's and MariaDB's text."""

import pytest

from covet.database.migrations.create_text import parse
from covet.database.migrations.states.texts import table_state


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('("flag" = 1)', '"flag"'),
        ('("flag" = 0 OR "n" = 1)', '(NOT "flag" OR "n" = 1)'),
        ('NOT ("flag" = 1) AND "t" = \'flag = 1\'', 'NOT "flag" AND "t" = \'flag = 1\''),
    ],
)
def test_conditions_on_booleans_mean_the_same_with_and_without_one(one: str, other: str) -> None:
    states = [
        table_state(parse(f'CREATE TABLE "x" ("flag" bool, "n" integer, "t" text, CONSTRAINT "c" CHECK ({text}))'))
        for text in (one, other)
    ]
    assert states[0].constraints == states[1].constraints
    assert "n = 1" in states[0].constraints[0].definition or '"n"' not in one
