"""CREATE TABLE text taken apart and put together."""

import pytest

from covet.database.migrations.create_text import parse
from covet.database.migrations.index_text import parse_index

TABLE = """CREATE TABLE "t" (
  "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  "a b" varchar(10) COLLATE NOCASE DEFAULT 'x, y' NOT NULL CHECK ("a b" <> ')'),
  n decimal(5, 2) DEFAULT (1 + 2),
  g integer GENERATED ALWAYS AS (n + 1) STORED,
  k bigint NOT NULL REFERENCES "o" ("id") ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
  CONSTRAINT "u" UNIQUE ("a b", n),
  CHECK (n > 0)
) WITHOUT ROWID"""


def test_parse_finds_columns_clauses_and_constraints() -> None:
    table = parse(TABLE)
    assert table.name == "t"
    assert [column.name for column in table.columns] == ["id", "a b", "n", "g", "k"]
    assert table.column("id").clauses == ["NOT NULL", "PRIMARY KEY AUTOINCREMENT"]
    assert table.column("a b").clauses == ["COLLATE NOCASE", "DEFAULT 'x, y'", "NOT NULL", "CHECK (\"a b\" <> ')')"]
    assert table.column("n").default == "(1 + 2)"
    assert table.column("n").is_nullable
    assert table.column("g").is_generated
    assert table.column("k").clauses[1].startswith("REFERENCES")
    assert table.constraints == ['CONSTRAINT "u" UNIQUE ("a b", n)', "CHECK (n > 0)"]
    assert table.options == "WITHOUT ROWID"
    assert parse(table.sql("sqlite")).sql("sqlite") == table.sql("sqlite")


def test_unknown_column_names_the_choices() -> None:
    with pytest.raises(LookupError, match="Table 't' has no column 'x'; choose one of: id, a b, n, g, k"):
        parse(TABLE).column("x")


def test_index_text_of_every_kind() -> None:
    text = parse_index(
        'CREATE UNIQUE INDEX "i" ON "t" USING gin ("a", lower(b) DESC) INCLUDE ("c") NULLS NOT DISTINCT '
        "WITH (fillfactor=70) WHERE (a > 1)"
    )
    assert text.items == ("a", "lower(b) DESC")
    assert (text.using, text.include, text.is_unique) == ("gin", ("c",), True)
    assert text.options == "NULLS NOT DISTINCT WITH (fillfactor=70)"
    assert text.where == "(a > 1)"
    assert parse_index("USING btree (a)").using is None
