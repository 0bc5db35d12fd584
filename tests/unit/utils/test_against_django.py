"""Utilities beside Django's: the same texts, moments and addresses, no difference."""

import pytest

from tests.oracle.process import ask

pytest.importorskip("django")


def test_slugs_and_texts_equal_djangos() -> None:
    """Promise 50: `slugify` on a corpus; capitals, lists, file names and shortened texts too."""
    assert ask("tests.oracle.utils.texts") == []


def test_dates_times_and_durations_are_read_as_django_does() -> None:
    assert ask("tests.oracle.utils.moments") == []


def test_validators_refuse_what_djangos_refuse() -> None:
    """Promise 46: e-mail, URL and the other validators, with Django's messages and codes."""
    assert ask("tests.oracle.utils.validators") == []
