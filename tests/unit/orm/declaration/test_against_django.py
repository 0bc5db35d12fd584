"""Fields and options beside Django's: the same models, the same values, no difference."""

import pytest

from tests.oracle.process import ask

pytest.importorskip("django")


def test_declarations_equal_djangos() -> None:
    """Promises 40, 42, 43: options, column types, `deconstruct`, Meta and reverse names of every field and relation."""
    assert ask("tests.oracle.fields.declarations") == []


def test_values_are_converted_and_refused_as_django_does() -> None:
    """Promises 40, 46: `to_python`, `get_prep_value`, `clean` with messages and codes, defaults."""
    assert ask("tests.oracle.fields.values") == []


def test_instances_are_made_as_django_does() -> None:
    """Promise 52: positional and keyword arguments, their errors, `pk`, equality and hash."""
    assert ask("tests.oracle.fields.instances") == []
