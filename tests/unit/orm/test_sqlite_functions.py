"""The functions that SQLite is given, called through SQLite."""

import sqlite3

import pytest

import covet.database.orm.sqlite_functions  # noqa: F401 - registers
from covet.database.adapters.sqlite.functions import install


class Connection(sqlite3.Connection):
    """One that can be referred to weakly, as the adapter's are."""


@pytest.fixture(scope="module")
def connection():
    connection = sqlite3.connect(":memory:", factory=Connection)
    install(connection)
    yield connection
    connection.close()


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("django_date_extract('year', '2015-06-15')", 2015),
        ("django_date_extract('week_day', '2015-06-14')", 1),
        ("django_date_extract('iso_week_day', '2015-06-14')", 7),
        ("django_date_extract('quarter', '2015-06-15')", 2),
        ("django_date_extract('week', '2016-01-01')", 53),
        ("django_date_extract('iso_year', '2016-01-01')", 2015),
        ("django_date_extract('year', NULL)", None),
        ("django_date_extract('year', 'nonsense')", None),
        ("django_time_extract('minute', '10:20:30.5')", 20),
        ("django_datetime_extract('hour', '2015-06-15 23:30:00', 'Europe/Paris', 'UTC')", 1),
        ("django_datetime_extract('hour', '2015-06-15 23:30:00', NULL, NULL)", 23),
        ("django_datetime_extract('hour', '2015-06-15 23:30:00', 'UTC+05:00', 'UTC')", 4),
        ("django_date_trunc('quarter', '2015-06-15', NULL, NULL)", "2015-04-01"),
        ("django_date_trunc('week', '2015-06-17', NULL, NULL)", "2015-06-15"),
        ("django_datetime_trunc('month', '2015-06-15 10:20:30.5', NULL, NULL)", "2015-06-01 00:00:00"),
        ("django_datetime_trunc('second', '2015-06-15 10:20:30.5', NULL, NULL)", "2015-06-15 10:20:30"),
        ("django_time_trunc('hour', '10:20:30', NULL, NULL)", "10:00:00"),
        ("django_datetime_cast_date('2015-06-15 23:30:00', 'Europe/Paris', 'UTC')", "2015-06-16"),
        ("django_datetime_cast_time('2015-06-15 23:30:00', 'Europe/Paris', 'UTC')", "01:30:00"),
        ("django_format_dtdelta('+', '2015-06-15 10:00:00', 1500000)", "2015-06-15 10:00:01.500000"),
        ("django_format_dtdelta('-', '2015-06-15', 86400000000)", "2015-06-14"),
        ("django_format_dtdelta('*', 5, 2)", 10),
        ("django_format_dtdelta('+', NULL, 2)", None),
        ("django_timestamp_diff('2015-06-15 10:00:01', '2015-06-15 10:00:00')", 1_000_000),
        ("django_time_diff('10:00:01', '10:00:00')", 1_000_000),
        ("BITXOR(5, 1)", 4),
        ("LPAD('abc', 5, 'xy')", "xyabc"),
        ("LPAD('abc', 2, 'xy')", "ab"),
        ("RPAD('abc', 5, 'xy')", "abcxy"),
        ("REPEAT('ab', 2)", "abab"),
        ("REVERSE('abc')", "cba"),
        ("SIGN(-2.5)", -1),
        ("MD5('abc')", "900150983cd24fb0d6963f7d28e17f72"),
        ("SHA1('abc')", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("SHA256(NULL)", None),
        ("MOD(-7, 3)", -1.0),
        ("POWER(2, 3)", 8),
        ("LOG(10, 100)", 2.0),
        ("'Grape' REGEXP '(?i)^g.a'", 1),
    ],
)
def test_function(connection, sql, expected):
    assert connection.execute(f"SELECT {sql}").fetchone()[0] == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("VAR_POP", 1.25), ("VAR_SAMP", 5 / 3), ("STDDEV_POP", 1.25**0.5), ("STDDEV_SAMP", (5 / 3) ** 0.5)],
)
def test_statistics(connection, name, expected):
    query = f"SELECT {name}(column1) FROM (VALUES (1), (2), (3), (4), (NULL))"
    assert connection.execute(query).fetchone()[0] == pytest.approx(expected)


def test_statistics_of_too_few_rows_are_null(connection):
    assert connection.execute("SELECT STDDEV_SAMP(column1), VAR_POP(column1) FROM (VALUES (1))").fetchone() == (None, 0)
    assert connection.execute("SELECT VAR_POP(column1) FROM (VALUES (NULL))").fetchone() == (None,)


def test_random_lies_between_zero_and_one(connection):
    assert 0 <= connection.execute("SELECT RAND()").fetchone()[0] < 1
