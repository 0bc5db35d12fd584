"""SQL as text: tokens, splitting, quoting and the normal form."""

import pytest

from covet.database.migrations.sqltext import literal, normal, quote, requote, split, statements, words


def test_words_leave_strings_and_comments_whole() -> None:
    assert [token.text for token in words("a = 'it''s' -- no\n AND \"b c\" /* x */ <> $$;$$")] == [
        "a", "=", "'it''s'", "AND", '"b c"', "<>", "$$;$$",
    ]  # fmt: skip


def test_split_minds_brackets_and_quotes() -> None:
    assert split("a, f(b, c), 'd, e', \"f,g\"") == ["a", "f(b, c)", "'d, e'", '"f,g"']


def test_statements_of_a_script() -> None:
    assert statements("SELECT ';'; SELECT 2;\n") == ["SELECT ';'", "SELECT 2"]


def test_quotes_are_doubled() -> None:
    assert quote('a"b') == '"a""b"'
    assert quote("a`b", "mysql") == "`a``b`"
    assert requote('"a" = \'"x"\'', "mysql") == "`a` = '\"x\"'"


@pytest.mark.parametrize(
    ("value", "vendor", "text"),
    [
        (None, "sqlite", "NULL"),
        (True, "sqlite", "1"),
        (True, "postgresql", "true"),
        (1.5, "sqlite", "1.5"),
        ("it's", "postgresql", "'it''s'"),
        ("a\\b", "mysql", "'a\\\\b'"),
        (b"\x01", "postgresql", "'\\x01'"),
        (b"\x01", "mysql", "x'01'"),
    ],
)
def test_literals(value: object, vendor: str, text: str) -> None:
    assert literal(value, vendor) == text  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('("n" >= 0)', "n >= 0"),
        ('CHECK (("n" > 1) AND ("m" < 2))', "check ( (n > 1) and (m < 2) )"),
        ("lower((a))", "LOWER(a)"),
        ("a != 'B'", "a <> 'B'"),
    ],
)
def test_normal_form_of_equal_texts(one: str, other: str) -> None:
    assert normal(one) == normal(other)


def test_normal_form_keeps_strings_and_groups() -> None:
    assert normal("a = 'X'") != normal("a = 'x'")
    assert normal("(a OR b) AND c") != normal("a OR (b AND c)")
